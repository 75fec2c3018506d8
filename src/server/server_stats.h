#pragma once

#include <array>
#include <chrono>
#include <deque>
#include <mutex>
#include <string>
#include <vector>

#include "chat/answer_sink.h"

namespace dure {

/// A histogram as Prometheus has it: how many values were at most each bound.
struct Histogram {
  explicit Histogram(std::vector<double> upper) : bounds(std::move(upper)), counts(bounds.size() + 1) {}
  void add(double value);

  std::vector<double> bounds;
  std::vector<int64_t> counts;  // of each bucket alone; the last one is beyond all bounds
  double sum = 0;
  int64_t count = 0;
};

/// What the server did since its start, over all models. Thread-safe.
class ServerStats {
 public:
  struct Numbers {
    int64_t prompt_tokens = 0, cached_tokens = 0, generated_tokens = 0;
    int64_t finished = 0, failed = 0, cancelled = 0;
    std::array<int64_t, kFinishReasons> reasons{};  // choices
    Histogram first_token{{0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300}};
    Histogram between_tokens{{0.002, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 1, 2.5}};
    Histogram whole{{0.1, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600}};
    Histogram queued{{0.001, 0.01, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60}};
    double prompt_rate = 0, decode_rate = 0;  ///< tokens per second of the last minute's requests; 0: there were none
    double uptime_seconds = 0;
  };

  void finished(const AnswerUsage& usage, bool cancelled);
  void ended(FinishReason reason);
  void failed();
  Numbers numbers() const;

 private:
  struct Recent {
    std::chrono::steady_clock::time_point when;
    double prompt_tokens, prompt_seconds, tokens, seconds;
  };
  mutable std::mutex mutex_;
  Numbers numbers_;
  std::deque<Recent> recent_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace dure
