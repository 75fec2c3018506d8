#pragma once

#include <cstdint>

namespace dure {

/// Bytes of memory in this machine, and those that a program could still take without swapping (MemTotal and
/// MemAvailable of /proc/meminfo, bounded by the cgroup's limit). 0 where the system does not say.
struct MemoryStatus {
  int64_t total = 0, available = 0;
};
MemoryStatus memory_status();

}  // namespace dure
