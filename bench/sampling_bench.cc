#include <benchmark/benchmark.h>

#include <cmath>
#include <string>
#include <vector>

#include "base/rng.h"
#include "sampling/sampler.h"

// Microseconds per sampled token, with a vocabulary of Qwen's size, on two shapes of logits: `peaked` falls off as a
// language model's do (rank r has logit -1.2 ln r, Zipf's law), `flat` is Gaussian with deviation 2, so that a nucleus
// of 0.95 holds tens of thousands of tokens.

namespace dure {
namespace {

constexpr int kVocab = 151'936;

std::vector<float> peaked_logits() {
  std::vector<float> z(kVocab);
  for (int i = 0; i < kVocab; ++i) z[i] = -1.2f * std::log(float(i + 1));
  Rng rng(1);
  for (int i = kVocab - 1; i > 0; --i) std::swap(z[i], z[rng.below(uint64_t(i) + 1)]);
  return z;
}

std::vector<float> flat_logits() {
  std::vector<float> z(kVocab);
  Rng rng(2);
  for (float& v : z) {
    double sum = -6;  // of 12 uniform numbers: nearly Gaussian
    for (int i = 0; i < 12; ++i) sum += rng.uniform();
    v = float(2 * sum);
  }
  return z;
}

SamplingParams greedy() {
  SamplingParams p;
  p.temperature = 0;
  return p;
}

SamplingParams with(int top_k, float top_p, float min_p = 0, float typical_p = 1) {
  SamplingParams p;
  p.seed = 1;
  p.temperature = 0.8f;
  p.top_k = top_k;
  p.top_p = top_p;
  p.min_p = min_p;
  p.typical_p = typical_p;
  return p;
}

/// Penalties, DRY and 20 log-probabilities beside the usual top_k and top_p.
SamplingParams everything() {
  SamplingParams p = with(50, 0.95f, 0.05f);
  p.repetition_penalty = 1.1f;
  p.frequency_penalty = 0.1f;
  p.dry_multiplier = 0.8f;
  p.logprobs = 20;
  return p;
}

void run(benchmark::State& state, const SamplingParams& params, const std::vector<float>& logits) {
  std::vector<int> history(4096);
  Rng rng(3);
  for (int& id : history) id = int(rng.below(kVocab));
  Sampler sampler(params, kVocab);
  for (auto _ : state) {
    history.back() = sampler.sample(logits, history, 2048).id;
    benchmark::DoNotOptimize(history.back());
  }
}

/// Runs before bench_main.cc's main().
const bool registered = [] {
  const std::pair<const char*, SamplingParams> rules[] = {
      {"greedy", greedy()},
      {"temperature", with(0, 1)},
      {"top_k=50", with(50, 1)},
      {"top_p=0.95", with(0, 0.95f)},
      {"top_k=50,top_p=0.95", with(50, 0.95f)},
      {"min_p=0.05", with(0, 1, 0.05f)},
      {"typical_p=0.95", with(0, 1, 0, 0.95f)},
      {"everything,4096_tokens", everything()},
  };
  for (const auto& [shape, logits] : {std::pair{"peaked", peaked_logits()}, {"flat", flat_logits()}})
    for (const auto& [name, params] : rules) {
      const std::string title = std::string("sample/") + shape + "/" + name;
      const auto body = [params = params, logits = logits](auto& state) { run(state, params, logits); };
      benchmark::RegisterBenchmark(title.c_str(), body)->Unit(benchmark::kMicrosecond);
    }
  return true;
}();

}  // namespace
}  // namespace dure
