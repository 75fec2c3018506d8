#pragma once

#include <chrono>
#include <deque>
#include <string>
#include <vector>

#include "toolbox/hub/transfer.h"

namespace dure {

/// Shows how far a pull is, on stderr: at a terminal a line for each file in work and one for all, drawn over and over;
/// elsewhere a line when a file is done and now and then one for all.
class PullView {
 public:
  /// `total`: bytes of all files.
  explicit PullView(int64_t total);
  ~PullView() { finish(); }
  PullView(const PullView&) = delete;
  PullView& operator=(const PullView&) = delete;

  void update(const std::vector<FileProgress>& files);
  /// Wipes what is drawn over; what is said afterwards begins a line of its own.
  void finish();

 private:
  using Clock = std::chrono::steady_clock;

  void draw(const std::vector<FileProgress>& files);
  void say_finished(const std::vector<FileProgress>& files);
  std::string summary(int64_t done) const;
  void measure(int64_t done);

  int64_t total_;
  bool terminal_;
  int lines_ = 0;  // drawn and to be drawn over
  std::vector<FileProgress::State> said_;
  std::deque<std::pair<Clock::time_point, int64_t>> history_;  // bytes done, over the last seconds
  Clock::time_point next_summary_;
};

/// 75 -> "1 min 15 s".
std::string duration_text(int64_t seconds);

}  // namespace dure
