#pragma once

#include <memory>
#include <string>
#include <vector>

#include "backend/observed.h"

namespace dure {

struct DeviceOptions {
  std::string backend = "auto";  ///< a name that backends() lists, or "auto": the fastest
  int threads = 0;               ///< 0: one per usable CPU
  Compute compute = Compute::f32;
  InputObserver observer = {};  ///< sees what goes into every weight; may be empty
};

/// Names of the backends that this machine can run, slowest first: "reference", "cpu/avx2", "cpu/avx512".
std::vector<std::string> backends();

/// Throws Error naming the backends there are, if it is none of them.
std::unique_ptr<Device> make_device(const DeviceOptions& options = {});

}  // namespace dure
