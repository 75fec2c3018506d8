#include "backend/registry.h"

#include <fmt/format.h>

#include <algorithm>

#include "backend/cpu/cpu.h"
#include "backend/reference/reference.h"
#include "base/error.h"

namespace dure {

std::vector<std::string> backends() {
  std::vector<std::string> names = {"reference"};
  for (const std::string& isa : cpu_isas()) names.push_back("cpu/" + isa);
  return names;
}

std::unique_ptr<Device> make_device(const DeviceOptions& options) {
  const std::vector<std::string> names = backends();
  const std::string name = options.backend == "auto" ? names.back() : options.backend;
  require(std::find(names.begin(), names.end(), name) != names.end(), "backend {}: expected one of {}",
          quote(options.backend), fmt::join(names, ", "));
  auto threads = std::make_shared<ThreadPool>(options.threads);
  std::shared_ptr<Backend> backend;
  if (name == "reference")
    backend = std::make_shared<ReferenceBackend>(threads, options.compute);
  else
    backend = make_cpu_backend(name.substr(name.find('/') + 1), threads, options.compute);
  if (options.observer) backend = observe_inputs(backend, options.observer);
  return std::make_unique<Device>(threads, backend);
}

}  // namespace dure
