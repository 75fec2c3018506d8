#include "base/system.h"

#include <sched.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string_view>

namespace dure {
namespace {

namespace fs = std::filesystem;

std::string first_line(const fs::path& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

/// A file that holds one number; 0 if it does not ("max", or no such file).
int64_t number_in(const fs::path& path) {
  std::ifstream file(path);
  int64_t value = 0;
  return file >> value ? value : 0;
}

/// What follows "KEY:" in a file of such lines; empty if there is no such line.
std::string value_of(const char* path, std::string_view key) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const size_t colon = line.find(':');
    if (colon == line.npos || line.substr(0, line.find_last_not_of(" \t", colon - 1) + 1) != key) continue;
    const size_t begin = line.find_first_not_of(" \t", colon + 1);
    return begin == line.npos ? "" : line.substr(begin);
  }
  return "";
}

int64_t kib_of(const char* path, std::string_view key) {
  const std::string text = value_of(path, key);
  int64_t kib = 0;
  std::from_chars(text.data(), text.data() + text.size(), kib);
  return kib * 1024;
}

/// Folders of sysfs whose names are `stem` and a number: cpu0, cpu1.
std::vector<fs::path> numbered(const fs::path& folder, std::string_view stem) {
  std::vector<fs::path> found;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(folder, none)) {
    const std::string name = entry.path().filename();
    if (name.size() > stem.size() && name.starts_with(stem) &&
        std::all_of(name.begin() + static_cast<long>(stem.size()), name.end(),
                    [](char c) { return c >= '0' && c <= '9'; }))
      found.push_back(entry.path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

struct Topology {
  int cores = 0;
  int64_t last_caches = 0;
};

/// Cores and last-level caches, each counted once by the list of CPUs that share it.
Topology topology() {
  std::set<std::string> cores, caches;
  Topology t;
  for (const fs::path& cpu : numbered("/sys/devices/system/cpu", "cpu")) {
    const std::string siblings = first_line(cpu / "topology/thread_siblings_list");
    if (!siblings.empty()) cores.insert(siblings);
    int64_t level = 0, bytes = 0;
    std::string sharers;
    for (const fs::path& cache : numbered(cpu / "cache", "index")) {
      if (number_in(cache / "level") <= level) continue;
      level = number_in(cache / "level");
      bytes = number_in(cache / "size") * 1024;  // "32768K"
      sharers = first_line(cache / "shared_cpu_list");
    }
    if (level > 0 && caches.insert(sharers).second) t.last_caches += bytes;
  }
  t.cores = static_cast<int>(cores.size());
  return t;
}

/// Of cgroups 2 ("200000 100000", or "max 100000") or 1.
double cpu_quota() {
  double quota = 0, period = 0;
  std::istringstream both(first_line("/sys/fs/cgroup/cpu.max"));
  if (!(both >> quota >> period)) {
    quota = static_cast<double>(number_in("/sys/fs/cgroup/cpu/cpu.cfs_quota_us"));
    period = static_cast<double>(number_in("/sys/fs/cgroup/cpu/cpu.cfs_period_us"));
  }
  return quota > 0 && period > 0 ? quota / period : 0;
}

}  // namespace

MemoryStatus memory_status() {
  MemoryStatus status;
  status.total = kib_of("/proc/meminfo", "MemTotal");
  status.available = kib_of("/proc/meminfo", "MemAvailable");
  const bool second = fs::exists("/sys/fs/cgroup/memory.max");
  const int64_t limit = number_in(second ? "/sys/fs/cgroup/memory.max" : "/sys/fs/cgroup/memory/memory.limit_in_bytes");
  if (limit <= 0 || limit >= status.total) return status;  // cgroups 1 say "no limit" by a huge one
  const int64_t taken =
      number_in(second ? "/sys/fs/cgroup/memory.current" : "/sys/fs/cgroup/memory/memory.usage_in_bytes");
  status.total = status.limit = limit;
  status.available = std::min(status.available, std::max<int64_t>(0, limit - taken));
  return status;
}

int64_t peak_memory() { return kib_of("/proc/self/status", "VmHWM"); }

int64_t resident_memory() { return kib_of("/proc/self/status", "VmRSS"); }

int64_t memory_in_huge_pages() { return kib_of("/proc/self/smaps_rollup", "AnonHugePages"); }

CpuStatus cpu_status() {
  CpuStatus status;
  status.model = value_of("/proc/cpuinfo", "model name");
  status.logical = static_cast<int>(numbered("/sys/devices/system/cpu", "cpu").size());
  const Topology t = topology();
  status.physical = t.cores;
  status.last_caches = t.last_caches;
  cpu_set_t set;
  if (::sched_getaffinity(0, sizeof set, &set) == 0) status.usable = CPU_COUNT(&set);
  status.quota = cpu_quota();
  return status;
}

std::string huge_page_setting() {
  const std::string line = first_line("/sys/kernel/mm/transparent_hugepage/enabled");  // "always [madvise] never"
  const size_t begin = line.find('['), end = line.find(']');
  return begin < end && end != line.npos ? line.substr(begin + 1, end - begin - 1) : "";
}

std::vector<std::string> graphics_cards() {
  std::vector<std::string> cards;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator("/proc/driver/nvidia/gpus", none))
    cards.push_back(value_of((entry.path() / "information").c_str(), "Model"));
  if (cards.empty())
    for (const fs::path& device : numbered("/dev", "nvidia")) cards.push_back(device);
  if (cards.empty())
    for (const fs::path& device : numbered("/dev/dri", "renderD")) cards.push_back(device);
  return cards;
}

}  // namespace dure
