#include "server/server_stats.h"

#include <algorithm>

namespace dure {

using Clock = std::chrono::steady_clock;

void Histogram::add(double value) {
  const auto place = std::ranges::lower_bound(bounds, value) - bounds.begin();
  ++counts[static_cast<size_t>(place)];
  sum += value;
  ++count;
}

void ServerStats::finished(const AnswerUsage& u, bool cancelled) {
  const std::lock_guard lock(mutex_);
  ++(cancelled ? numbers_.cancelled : numbers_.finished);
  numbers_.prompt_tokens += u.prompt_tokens;
  numbers_.cached_tokens += u.cached_tokens;
  numbers_.generated_tokens += u.completion_tokens;
  numbers_.queued.add(u.queue_seconds);
  if (u.completion_tokens > 0) numbers_.first_token.add(u.queue_seconds + u.prefill_seconds);
  if (u.completion_tokens > 1) numbers_.between_tokens.add(u.decode_seconds / (u.completion_tokens - 1));
  numbers_.whole.add(u.queue_seconds + u.prefill_seconds + u.decode_seconds);
  recent_.push_back({Clock::now(), double(u.prompt_tokens - u.cached_tokens), u.prefill_seconds,
                     double(std::max(u.completion_tokens - 1, 0)), u.decode_seconds});
  while (Clock::now() - recent_.front().when > std::chrono::seconds(60)) recent_.pop_front();
}

void ServerStats::ended(FinishReason reason) {
  const std::lock_guard lock(mutex_);
  ++numbers_.reasons[static_cast<size_t>(reason)];
}

void ServerStats::failed() {
  const std::lock_guard lock(mutex_);
  ++numbers_.failed;
}

ServerStats::Numbers ServerStats::numbers() const {
  const std::lock_guard lock(mutex_);
  Numbers n = numbers_;
  n.uptime_seconds = std::chrono::duration<double>(Clock::now() - start_).count();
  Recent sum{};
  for (const Recent& r : recent_) {
    if (Clock::now() - r.when > std::chrono::seconds(60)) continue;
    sum.prompt_tokens += r.prompt_tokens;
    sum.prompt_seconds += r.prompt_seconds;
    sum.tokens += r.tokens;
    sum.seconds += r.seconds;
  }
  if (sum.prompt_seconds > 0) n.prompt_rate = sum.prompt_tokens / sum.prompt_seconds;
  if (sum.seconds > 0) n.decode_rate = sum.tokens / sum.seconds;
  return n;
}

}  // namespace dure
