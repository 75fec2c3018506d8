#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace dure {

/// Bytes of memory in this machine, and those that a program could still take without swapping (MemTotal and
/// MemAvailable of /proc/meminfo, bounded by the cgroup's limit). 0 where the system does not say.
struct MemoryStatus {
  int64_t total = 0, available = 0;
  int64_t limit = 0;  ///< what the cgroup allows; 0: no limit
};
MemoryStatus memory_status();

/// Most memory that this process has held so far, mapped files included (VmHWM); 0 where the system does not say.
int64_t peak_memory();
/// Memory that it holds now (VmRSS).
int64_t resident_memory();

/// The CPUs of this machine as this process sees them. 0 or empty where the system does not say.
struct CpuStatus {
  std::string model;        ///< "AMD EPYC"
  int logical = 0;          ///< CPUs that are online
  int physical = 0;         ///< cores: CPUs of one core share its units
  int usable = 0;           ///< CPUs that this process may run on
  double quota = 0;         ///< CPUs' worth of time that the cgroup allows; 0: no limit
  int64_t last_caches = 0;  ///< bytes of all last-level caches together
};
CpuStatus cpu_status();

/// Bytes of this process's anonymous memory that lie in huge pages.
int64_t memory_in_huge_pages();

/// The system's setting for transparent huge pages: "always", "madvise" or "never"; empty where there is none.
std::string huge_page_setting();

/// Graphics cards that the system shows, by the name that it gives: "NVIDIA H200", "/dev/dri/renderD128".
std::vector<std::string> graphics_cards();

}  // namespace dure
