#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/json_fwd.h"

namespace dure {

/// How fast all threads together read memory that no cache holds.
struct ReadRate {
  int threads;
  bool huge_pages;  ///< 2 MiB pages, or the ordinary ones of 4 KiB
  double bytes_per_second;
};

/// How fast all threads together multiply, on registers alone.
struct UnitRate {
  std::string unit, type;  ///< "avx512_vnni" "int8"
  int threads;
  double operations_per_second;  ///< a multiply-add is two
};

/// What bounds every program on this machine. Speeds elsewhere are told as shares of these.
struct MachineLimits {
  std::vector<ReadRate> reads;
  std::vector<UnitRate> units;

  double read_bandwidth() const;  ///< the best of `reads`, bytes a second
  double peak() const;            ///< the best of `units`, operations a second; 0 if there are no probes for this CPU
  /// The best of a type ("f32", "bf16", "int8"); 0 if no unit multiplies it.
  double peak(std::string_view type) const;
};

/// Measures both with 1, 2, 4 ... and all `threads`, or with all alone; 0: every usable CPU. Each figure is a median of
/// several short runs: all of it takes a second or two.
enum class ThreadCounts : uint8_t { doubling, all };
MachineLimits measure_limits(int threads, ThreadCounts counts);

/// What `reads` and `units` hold, for --json.
Json to_json(const MachineLimits& limits);

/// How fast a file is read from the start when nothing of it is cached.
struct DiskRate {
  std::string what;   ///< the file, or the folder that a file was made in
  int64_t bytes = 0;  ///< read
  double bytes_per_second = 0;
  bool direct = false;  ///< past the page cache; otherwise cached pages were dropped first, which some systems ignore
};

/// Reads up to 512 MiB, for a second at most, of `path`: a file, or the largest file of a folder. Where a folder holds
/// none of 32 MiB, a file of 128 MiB is made there and removed. Throws Error if there is nothing that can be read.
DiskRate measure_disk(const std::filesystem::path& path);

/// The median time of `runs` calls after one that is not counted, in seconds.
double median_seconds(int runs, const std::function<void()>& call);

}  // namespace dure
