#include "toolbox/bench.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <set>

#include "base/rng.h"
#include "base/system.h"
#include "toolbox/sequence_run.h"

namespace dure {
namespace {

using Clock = std::chrono::steady_clock;

constexpr double kLongSeconds = 2;  // a first run that took this long need not be repeated to warm up

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

class Bench {
 public:
  Bench(Model& model, Device& device, const StoredModel& stored, const BenchOptions& options)
      : model_(model), device_(device), stored_(stored), o_(options) {}

  int context() const { return model_.info().max_position_embeddings; }

  /// Whether a user who did not ask for the case in particular would wait for it.
  bool worthwhile(const char* kind, int tokens, int depth, int sequences) const {
    if (o_.patience == 0) return true;
    const double cache = static_cast<double>(depth + tokens) * sequences * cache_bytes_per_token();
    if (cache > static_cast<double>(memory_status().available)) return false;
    const auto before = speeds_.find(kind);
    return before == speeds_.end() || static_cast<double>(tokens) * sequences / before->second <= o_.patience;
  }

  BenchCase prefill(const PromptCase& prompt) {
    const auto [tokens, depth] = prompt;
    SequenceRun run(model_, device_, 1, depth + tokens, o_.cache);
    BenchCase c = measure("prefill", tokens, depth, 1, [&] {
      run.pretend(depth);
      Tensor hidden;
      for (int at = 0; at < tokens; at += o_.batch)
        hidden = run.feed({ids(std::min(o_.batch, tokens - at))}, nullptr, nullptr,
                          o_.exact ? RowKind::sampled : RowKind::prompt);
      model_.logits(hidden.rows(hidden.dim(0) - 1, 1));
    });
    double bytes = 0;  // each batch reads the weights once, and the cache up to its own end
    for (int at = 0; at < tokens; at += o_.batch) {
      const int rows = std::min(o_.batch, tokens - at);
      bytes += stored_.total_weight_bytes(rows) + (depth + at + rows) * cache_bytes_per_token();
    }
    c.bytes_per_token = bytes / tokens;
    c.operations_per_token = stored_.operations() + stored_.head_operations() / tokens +
                             stored_.attention_operations(depth + (tokens + 1) / 2.);
    return c;
  }

  BenchCase decode(int depth, int sequences) {
    const int tokens = o_.tokens;
    SequenceRun run(model_, device_, sequences, depth + tokens, o_.cache);
    BenchCase c = measure("decode", tokens, depth, sequences, [&] {
      run.pretend(depth);
      for (int i = 0; i < tokens; ++i) {
        std::vector<std::vector<int>> rows(static_cast<size_t>(sequences));
        for (std::vector<int>& row : rows) row = ids(1);
        model_.logits(run.feed(rows, nullptr, nullptr, RowKind::sampled));
      }
    });
    const double positions = depth + (tokens + 1) / 2.;
    c.bytes_per_token = stored_.total_weight_bytes(sequences) / sequences + positions * cache_bytes_per_token();
    c.operations_per_token = stored_.operations() + stored_.head_operations() + stored_.attention_operations(positions);
    return c;
  }

 private:
  double cache_bytes_per_token() const {
    return static_cast<double>(dure::cache_bytes_per_token(stored_.cache_planes, o_.cache));
  }

  std::vector<int> ids(int count) {
    std::vector<int> list(static_cast<size_t>(count));
    for (int& id : list) id = static_cast<int>(rng_.below(static_cast<uint64_t>(model_.info().vocab_size)));
    return list;
  }

  BenchCase measure(const char* kind, int tokens, int depth, int sequences, const std::function<void()>& run) {
    std::vector<double> times;
    double total = 0;
    for (bool warm = false; times.empty() || (static_cast<int>(times.size()) < o_.repetitions && total < o_.seconds);) {
      const Clock::time_point start = Clock::now();
      run();
      const double seconds = seconds_since(start);
      total += seconds;
      if (std::exchange(warm, true) || seconds > kLongSeconds) times.push_back(seconds);
    }
    std::sort(times.begin(), times.end());
    const double all = static_cast<double>(tokens) * sequences;
    const double speed = speeds_[kind] = all / times[times.size() / 2];
    const int runs = static_cast<int>(times.size());
    return {kind, tokens, depth, sequences, runs, speed, all / times.back(), all / times.front(), 0, 0};
  }

  Model& model_;
  Device& device_;
  const StoredModel& stored_;
  const BenchOptions& o_;
  Rng rng_{1};
  std::map<std::string, double, std::less<>> speeds_;  // of the last case of each kind, tokens a second
};

/// Without repetitions, none above `limit`.
std::set<int> cut(const std::vector<int>& values, int limit) {
  std::set<int> result;
  for (const int value : values) result.insert(std::min(value, limit));
  return result;
}

/// The same of prompts: what comes before gives way.
std::set<PromptCase> cut(const std::vector<PromptCase>& prompts, int limit) {
  std::set<PromptCase> result;
  for (const PromptCase& p : prompts) {
    const int tokens = std::min(p.tokens, limit);
    result.insert({tokens, std::min(p.depth, limit - tokens)});
  }
  return result;
}

}  // namespace

std::vector<BenchCase> bench_model(Model& model, Device& device, const StoredModel& stored, const BenchOptions& options,
                                   const std::function<void(const BenchCase&)>& report) {
  Bench bench(model, device, stored, options);
  std::vector<BenchCase> cases;
  const auto add = [&](const BenchCase& c) {
    cases.push_back(c);
    if (report) report(c);
  };
  const int room = std::max(0, bench.context() - options.tokens);
  for (const PromptCase& prompt : cut(options.prefill, bench.context()))
    if (bench.worthwhile("prefill", prompt.tokens, prompt.depth, 1)) add(bench.prefill(prompt));
  for (const int depth : cut(options.decode, room))
    if (bench.worthwhile("decode", options.tokens, depth, 1)) add(bench.decode(depth, 1));
  for (const int sequences : cut(options.parallel, 1024)) {
    if (sequences == 1 && std::count(options.decode.begin(), options.decode.end(), 0) > 0) continue;  // done already
    if (bench.worthwhile("decode", options.tokens, 0, sequences)) add(bench.decode(0, sequences));
  }
  return cases;
}

double time_one_token(Model& model, Device& device, DType cache) {
  SequenceRun run(model, device, 1, 1, cache);
  const Clock::time_point start = Clock::now();
  model.logits(run.feed({{0}}));
  return seconds_since(start);
}

}  // namespace dure
