#include "base/system.h"

#include <algorithm>
#include <fstream>
#include <string>

namespace dure {
namespace {

/// A file that holds one number, or "max"; 0 if it does not.
int64_t number_in(const char* path) {
  std::ifstream file(path);
  int64_t value = 0;
  return file >> value ? value : 0;
}

}  // namespace

MemoryStatus memory_status() {
  MemoryStatus status;
  std::ifstream file("/proc/meminfo");
  std::string key, unit;
  int64_t kib = 0;
  while (file >> key >> kib) {
    std::getline(file, unit);
    if (key == "MemTotal:") status.total = kib * 1024;
    if (key == "MemAvailable:") status.available = kib * 1024;
  }
  if (const int64_t limit = number_in("/sys/fs/cgroup/memory.max"); limit > 0) {
    status.total = std::min(status.total, limit);
    status.available =
        std::min(status.available, std::max<int64_t>(0, limit - number_in("/sys/fs/cgroup/memory.current")));
  }
  return status;
}

}  // namespace dure
