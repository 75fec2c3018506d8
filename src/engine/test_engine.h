#pragma once

#include <gtest/gtest.h>

#include <bit>

#include "backend/registry.h"
#include "base/error.h"
#include "engine/engine.h"
#include "models/loader.h"

namespace dure {

/// For tests: a tiny model, by default one of MLA and MoE, and engines for it.
struct TinyEngine {
  std::string name = "ds3-tiny";
  std::vector<AdapterChoice> adapters = {};
  std::unique_ptr<Device> device = make_device();
  std::unique_ptr<Checkpoint> checkpoint = open_checkpoint(DURE_TESTS_DIR "/fixtures/models/" + name, *device);
  std::unique_ptr<Model> model = load_model(*checkpoint, *device, {.adapters = adapters});

  EngineOptions options(int max_model_len, int blocks = 0, int batch = 512) const {
    EngineOptions options;
    options.max_model_len = max_model_len;
    options.max_num_batched_tokens = batch;
    options.cache_dtype = DType::F32;
    options.cache_bytes = blocks * KVCache::kBlockSize * cache_bytes_per_token(model->cache_planes(), DType::F32);
    options.fingerprint = "tiny";
    return options;
  }
  Engine engine(int max_model_len, int blocks = 0, int batch = 512) {
    return Engine(*model, *device, options(max_model_len, blocks, batch));
  }
  Engine engine(const EngineOptions& options) { return Engine(*model, *device, options); }
};

/// What one choice of a request came to; the bits of log-probabilities tell more than ids do.
struct TinyAnswer {
  std::vector<int> tokens;
  std::vector<uint32_t> bits;
  std::optional<FinishReason> reason;
  int cached = -1, finished = 0;

  bool same(const TinyAnswer& other) const { return tokens == other.tokens && bits == other.bits; }
};

inline std::vector<int> tiny_prompt(int length, int seed) {
  std::vector<int> ids;
  for (int i = 0; i < length; ++i) ids.push_back((seed * 131 + i * i * 7 + i * 13) % 320);
  return ids;
}

/// A request whose choices are written to `answers`, one after another. They outlive the request.
inline Request tiny_request(std::vector<int> prompt, int max_tokens, TinyAnswer* answers, float temperature = 0) {
  Request r;
  r.prompt = std::move(prompt);
  r.sampling.temperature = temperature;
  r.sampling.seed = 5;
  r.sampling.max_tokens = max_tokens;
  r.sampling.logprobs = 0;
  r.on_start = [=](int cached) { answers->cached = cached; };
  r.on_token = [=](int choice, const Sampled& t) {
    answers[choice].tokens.push_back(t.id);
    answers[choice].bits.push_back(std::bit_cast<uint32_t>(t.logprob));
    return true;
  };
  r.on_finish = [=](int choice, FinishReason reason) {
    answers[choice].reason = reason;
    ++answers[choice].finished;
  };
  return r;
}

inline void run_to_end(Engine& engine) {
  while (engine.step()) {}
}

/// A request in an engine that it has for itself.
inline TinyAnswer tiny_alone(TinyEngine& f, const std::vector<int>& ids, int max_tokens, float temperature = 0) {
  TinyAnswer answer;
  Engine engine = f.engine(1024);
  engine.add(tiny_request(ids, max_tokens, &answer, temperature));
  run_to_end(engine);
  return answer;
}

}  // namespace dure
