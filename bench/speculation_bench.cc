// Guessing ahead, on layers of true shapes: tokens a second without guesses; with guesses that come true with a given
// chance, as many as pay; and what the cost model says of the latter (docs/engine.md).
//   DURE_SHAPE=deepseek-v3 DURE_LAYERS=5 DURE_TYPE=q4_0 build/release/bench/speculation_bench
#include <benchmark/benchmark.h>

#include <chrono>
#include <cstdlib>
#include <map>

#include "backend/registry.h"
#include "base/rng.h"
#include "engine/engine.h"
#include "models/loader.h"
#include "toolbox/synthetic.h"

namespace dure {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kPrompt = 16, kAnswer = 160;

std::string setting(const char* name, const char* otherwise) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0' ? value : otherwise;
}

/// A model with random weights, made once.
struct Subject {
  ShapeSource source =
      open_shape(setting("DURE_SHAPE", "r1-distill-qwen-1.5b"), std::atoi(setting("DURE_LAYERS", "0").c_str()));
  std::string type = setting("DURE_TYPE", "q4_0");
  std::unique_ptr<Device> device = make_device({"auto", 0, Compute::int8});
  std::unique_ptr<Checkpoint> checkpoint =
      make_synthetic(source, as_quantised(source.shape, source.config, find_quant_type(type)), *device);
  std::unique_ptr<Model> model = load_model(*checkpoint, *device);

  static Subject& get() {
    static Subject subject;
    return subject;
  }
};

/// Knows the answers, and each guess is right with some chance.
class Chance : public Drafter {
 public:
  Chance(std::map<int, std::vector<int>> texts, double right) : texts_(std::move(texts)), right_(right) {}
  void follow(const KeptBatch& batch) override {
    for (const KeptRows& part : batch.parts) {
      Sequence& s = *part.sequence;
      const std::vector<int>& text = texts_.at(s.prompt_length());
      for (int i = 0; i < part.wanted; ++i) {
        const size_t place = static_cast<size_t>(s.length() - s.prompt_length() + i);
        if (place >= text.size()) break;
        s.drafts.push_back(rng_.uniform() < right_ ? text[place] : (text[place] + 1) % 1000);
      }
    }
  }

 private:
  std::map<int, std::vector<int>> texts_;  // by the prompt's length
  double right_;
  Rng rng_{7};
};

struct Run {
  std::map<int, std::vector<int>> texts;
  double tokens_per_second = 0;
  EngineStats stats;
};

Run answer(int sequences, std::unique_ptr<Drafter> drafter) {
  Subject& subject = Subject::get();
  EngineOptions options;
  options.max_model_len = 512;
  options.cache_bytes =
      (sequences + 1) * 2 * KVCache::kBlockSize * cache_bytes_per_token(subject.model->cache_planes(), DType::BF16);
  options.speculation.max_drafts = 8;
  Engine engine(*subject.model, *subject.device, options, std::move(drafter));
  Run run;
  for (int i = 0; i < sequences; ++i) {
    Request r;
    for (int t = 0; t < kPrompt + i; ++t) r.prompt.push_back((t * 37 + i * 11) % 1000 + 5);
    r.sampling.temperature = 0;
    r.sampling.max_tokens = kAnswer;
    r.sampling.ignore_eos = true;
    r.on_token = [&run, n = kPrompt + i](int, const Sampled& t) {
      run.texts[n].push_back(t.id);
      return true;
    };
    engine.add(std::move(r));
  }
  while (engine.stats().generated_tokens < sequences) engine.step();  // prompts are read
  const int64_t before = engine.stats().generated_tokens;
  const auto begin = Clock::now();
  while (engine.step()) {}
  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  run.stats = engine.stats();
  run.tokens_per_second = static_cast<double>(run.stats.generated_tokens - before) / seconds;
  return run;
}

void measure(benchmark::State& state, double chance, int sequences) {
  for (auto _ : state) {
    const Run plain = answer(sequences, nullptr);
    const Run guessed = answer(sequences, std::make_unique<Chance>(plain.texts, chance));
    if (guessed.texts != plain.texts) state.SkipWithError("other answers");
    state.counters["tokens/s without"] = plain.tokens_per_second;
    state.counters["tokens/s with"] = guessed.tokens_per_second;
    state.counters["times as fast"] = guessed.tokens_per_second / plain.tokens_per_second;
    state.counters["guesses a step"] =
        static_cast<double>(guessed.stats.drafted_tokens) / static_cast<double>(guessed.stats.steps) / sequences;
    state.counters["time, of what was foreseen"] = guessed.stats.step_seconds / guessed.stats.foreseen_seconds;
  }
}

/// Runs before bench_main.cc's main().
const bool registered = [] {
  const std::string title = setting("DURE_SHAPE", "r1-distill-qwen-1.5b") + "/" + setting("DURE_TYPE", "q4_0");
  for (const int sequences : {1, 4})
    for (const int percent : {0, 30, 50, 70, 90}) {
      const std::string name = fmt::format("speculation/{}/{}_right/{}_at_once", title, percent, sequences);
      benchmark::RegisterBenchmark(name.c_str(), [=](auto& state) { measure(state, percent / 100., sequences); })
          ->Iterations(1)
          ->Unit(benchmark::kMillisecond);
    }
  return true;
}();

}  // namespace
}  // namespace dure
