#include "toolbox/probe.h"

#include <sys/mman.h>

#include <algorithm>
#include <chrono>
#include <cstring>

#include "backend/cpu/probe.h"
#include "base/error.h"
#include "base/json.h"
#include "base/system.h"
#include "base/threads.h"

namespace dure {
namespace {

constexpr int kRuns = 5;

/// Fresh anonymous memory, touched, in pages of one kind.
class ProbeMemory {
 public:
  static constexpr int64_t kPiece = 4 << 20;  // four streams of 1 MiB

  ProbeMemory(int64_t bytes, bool huge_pages, ThreadPool& threads) : mapped_(bytes + kPiece) {
    start_ = ::mmap(nullptr, static_cast<size_t>(mapped_), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    require(start_ != MAP_FAILED, "out of memory: {} bytes to measure the memory's speed", mapped_);
    const auto address = reinterpret_cast<uintptr_t>(start_);
    data_ = static_cast<std::byte*>(start_) + (kPiece - address % kPiece) % kPiece;
    pieces_ = bytes / kPiece;
    ::madvise(data_, static_cast<size_t>(bytes), huge_pages ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
    const int64_t before = memory_in_huge_pages();
    threads.parallel_for(pieces_, 1, [&](int64_t i, int64_t) { std::memset(data_ + i * kPiece, 1, kPiece); });
    as_asked_ = !huge_pages || memory_in_huge_pages() - before > bytes / 2;
  }
  ~ProbeMemory() { ::munmap(start_, static_cast<size_t>(mapped_)); }
  ProbeMemory(const ProbeMemory&) = delete;
  ProbeMemory& operator=(const ProbeMemory&) = delete;

  bool as_asked() const { return as_asked_; }  ///< whether the system gave the kind of pages
  int64_t bytes() const { return pieces_ * kPiece; }
  void read(ThreadPool& threads) const {
    threads.parallel_for(pieces_, 1, [&](int64_t i, int64_t) { read_streams(data_ + i * kPiece, kPiece); });
  }

 private:
  int64_t mapped_, pieces_ = 0;
  void* start_;
  std::byte* data_ = nullptr;
  bool as_asked_ = false;
};

/// Far more than the caches hold, unless memory is short.
int64_t probe_bytes() {
  constexpr int64_t kLeast = int64_t{512} << 20, kMost = int64_t{4} << 30;
  const int64_t wanted = std::clamp(8 * cpu_status().last_caches, kLeast, kMost);
  const int64_t possible = memory_status().available / 4;
  return std::max(std::min(wanted, possible) / ProbeMemory::kPiece, int64_t{4}) * ProbeMemory::kPiece;
}

std::vector<int> thread_counts(int threads, ThreadCounts counts) {
  std::vector<int> list;
  for (int n = 1; counts == ThreadCounts::doubling && n < threads; n *= 2) list.push_back(n);
  list.push_back(threads);
  return list;
}

double measure_unit(const UnitProbe& probe, ThreadPool& threads) {
  // Several pieces a thread, so that one that was held up does not hold up the run.
  const int64_t pieces = int64_t{4} * threads.size();
  int64_t steps = 1000;
  const auto run = [&] { threads.parallel_for(pieces, 1, [&](int64_t, int64_t) { probe.run(steps); }); };
  while (median_seconds(1, run) < 0.004) steps *= 2;
  const double seconds = median_seconds(kRuns, run);
  return static_cast<double>(pieces * steps * probe.operations) / seconds;
}

}  // namespace

double median_seconds(int runs, const std::function<void()>& call) {
  using Clock = std::chrono::steady_clock;
  std::vector<double> times;
  for (int i = -1; i < runs; ++i) {
    const Clock::time_point start = Clock::now();
    call();
    if (i >= 0) times.push_back(std::chrono::duration<double>(Clock::now() - start).count());
  }
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

double MachineLimits::read_bandwidth() const {
  double best = 0;
  for (const ReadRate& rate : reads) best = std::max(best, rate.bytes_per_second);
  return best;
}

double MachineLimits::peak() const {
  double best = 0;
  for (const UnitRate& rate : units) best = std::max(best, rate.operations_per_second);
  return best;
}

double MachineLimits::peak(std::string_view type) const {
  double best = 0;
  for (const UnitRate& rate : units)
    if (rate.type == type) best = std::max(best, rate.operations_per_second);
  return best;
}

MachineLimits measure_limits(int threads, ThreadCounts counts) {
  MachineLimits limits;
  ThreadPool all(threads);
  const std::vector<int> sizes = thread_counts(all.size(), counts);
  for (const bool huge_pages : {true, false}) {
    const ProbeMemory memory(probe_bytes(), huge_pages, all);
    if (!memory.as_asked()) continue;
    for (const int n : sizes) {
      ThreadPool team(n);
      const double seconds = median_seconds(kRuns, [&] { memory.read(team); });
      limits.reads.push_back({n, huge_pages, static_cast<double>(memory.bytes()) / seconds});
    }
  }
  for (const UnitProbe& probe : unit_probes())
    for (const int n : {1, all.size()}) {
      if (n == 1 && (all.size() == 1 || counts == ThreadCounts::all)) continue;
      ThreadPool team(n);
      limits.units.push_back({std::string(probe.unit), std::string(probe.type), n, measure_unit(probe, team)});
    }
  return limits;
}

Json to_json(const MachineLimits& limits) {
  Json reads = Json::array(), units = Json::array();
  for (const ReadRate& r : limits.reads)
    reads.push_back({{"threads", r.threads}, {"huge_pages", r.huge_pages}, {"bytes_per_second", r.bytes_per_second}});
  for (const UnitRate& u : limits.units)
    units.push_back({{"unit", u.unit},
                     {"type", u.type},
                     {"threads", u.threads},
                     {"operations_per_second", u.operations_per_second}});
  return {{"read_bandwidth", limits.read_bandwidth()}, {"peak", limits.peak()}, {"reads", reads}, {"units", units}};
}

}  // namespace dure
