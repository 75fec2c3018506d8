#include "backend/registry.h"

#include <fmt/format.h>
#include "backend/reference/reference.h"

#include "base/error.h"

namespace dure {

std::vector<std::string> backends() { return {"reference"}; }

std::unique_ptr<Device> make_device(const DeviceOptions& options) {
  const std::vector<std::string> names = backends();
  const std::string name = options.backend == "auto" ? names.back() : options.backend;
  auto threads = std::make_shared<ThreadPool>(options.threads);
  if (name == "reference")
    return std::make_unique<Device>(threads, std::make_shared<ReferenceBackend>(threads, options.compute));
  fail("backend {}: expected one of {}", quote(options.backend), fmt::join(names, ", "));
}

}  // namespace dure
