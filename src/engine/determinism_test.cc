// A request's bytes do not depend on its company, on threads, on preemption, or on how prompts are cut; in exact runs,
// not on what was cached either.
#include <gtest/gtest.h>

#include <bit>
#include <random>

#include "backend/registry.h"
#include "base/sanitized.h"
#include "engine/engine.h"
#include "models/loader.h"

namespace dure {
namespace {

constexpr int kVocab = 96;

/// Random weights of whatever shape a model asks for. Widths are multiples of 256, so that every format takes them.
class RandomCheckpoint : public Checkpoint {
 public:
  RandomCheckpoint(Json config, DType dtype, Device& device)
      : config_(std::move(config)), dtype_(dtype), device_(device) {}

  const Json& config() const override { return config_; }
  std::string source() const override { return "random"; }
  const GenerationConfig& generation() const override { return generation_; }
  std::optional<StoredTensor> find(const std::string&) const override { return std::nullopt; }
  std::vector<TensorInfo> tensors() const override { return {}; }
  StoredTensor get(const std::string& name, const Shape& asked) const override {
    std::mt19937 rng(static_cast<unsigned>(std::hash<std::string>()(name)));
    std::normal_distribution<float> normal(asked.rank() == 1 ? 1.f : 0.f, 0.09f);
    std::vector<float> values(static_cast<size_t>(asked.numel()));
    for (float& v : values) v = normal(rng);
    if (asked.rank() == 1) return {Tensor::from(device_, values, asked), {}};
    StoredTensor t{Tensor::empty(device_, dtype_, asked), {}};
    info(dtype_).quantise(values.data(), nullptr, t.data.view().data, asked.numel());
    if (dtype_ == DType::F8_E4M3) {
      t.scale = Tensor::zeros(device_, DType::F32, {(asked[0] + 127) / 128, (asked[1] + 127) / 128});
      for (float& s : t.scale.data()) s = 1;
    }
    return t;
  }

 private:
  Json config_;
  DType dtype_;
  Device& device_;
  GenerationConfig generation_;
};

Json common() {
  return {{"vocab_size", kVocab},       {"hidden_size", 256},       {"num_hidden_layers", 2},
          {"num_attention_heads", 4},   {"intermediate_size", 256}, {"rms_norm_eps", 1e-6},
          {"rope_theta", 10000.0},      {"hidden_act", "silu"},     {"max_position_embeddings", 4096},
          {"tie_word_embeddings", true}};
}
Json mla() {
  Json c = common();
  c.update({{"model_type", "deepseek_v2"},
            {"kv_lora_rank", 256},
            {"qk_nope_head_dim", 48},
            {"qk_rope_head_dim", 16},
            {"v_head_dim", 64},
            {"n_routed_experts", 4},
            {"num_experts_per_tok", 2},
            {"moe_intermediate_size", 256},
            {"n_shared_experts", 1},
            {"first_k_dense_replace", 1},
            {"num_key_value_heads", 4}});
  return c;
}
Json gqa() {
  Json c = common();
  c.update({{"model_type", "qwen2"}, {"num_key_value_heads", 2}});
  return c;
}

std::vector<int> prompt(int length, int seed) {
  std::vector<int> ids;
  for (int i = 0; i < length; ++i) ids.push_back((seed * 131 + i * i * 7 + i * 13) % kVocab);
  return ids;
}

/// Ids and the bits of their log-probabilities, which tell more than an id does.
struct Answer {
  std::vector<int> ids;
  std::vector<uint32_t> bits;
  bool operator==(const Answer&) const = default;
};

struct HowRun {
  int threads = 2, batch = 512;
  bool exact = false;
  int blocks = 48;  // of the cache
};

/// A model on a device of its own, and engines for it.
struct Runner {
  std::unique_ptr<Device> device;
  std::unique_ptr<Model> model;
  HowRun setup;

  Runner(const Json& config, DType dtype, HowRun s)
      : device(make_device({"auto", s.threads, Compute::int8})), setup(s) {
    const RandomCheckpoint checkpoint(config, dtype, *device);
    model = load_model(checkpoint, *device);
  }
  Engine engine() const {
    EngineOptions options;
    options.max_model_len = 1300;
    options.max_num_batched_tokens = setup.batch;
    options.exact = setup.exact;
    options.cache_bytes =
        setup.blocks * KVCache::kBlockSize * cache_bytes_per_token(model->cache_planes(), options.cache_dtype);
    return Engine(*model, *device, options);
  }
  static void add(Engine& engine, std::vector<int> ids, bool greedy, Answer& answer, int max_tokens = 6) {
    Request r;
    r.prompt = std::move(ids);
    r.sampling.temperature = greedy ? 0 : 1;
    r.sampling.seed = 5;
    r.sampling.max_tokens = max_tokens;
    r.sampling.logprobs = 1;
    r.on_token = [&](int, const Sampled& t) {
      answer.ids.push_back(t.id);
      answer.bits.push_back(std::bit_cast<uint32_t>(t.logprob));
      return true;
    };
    engine.add(std::move(r));
  }
  Answer alone(const std::vector<int>& ids, bool greedy) const {
    Engine e = engine();
    Answer answer;
    add(e, ids, greedy, answer);
    while (e.step()) {}
    return answer;
  }
  /// The request among 32 others, which come before and after it.
  Answer in_company(const std::vector<int>& ids, bool greedy) const {
    Engine e = engine();
    std::vector<Answer> others(32);
    Answer answer;
    for (int i = 0; i < 16; ++i) add(e, prompt(2 + 5 * i, i + 10), i % 2 == 0, others[static_cast<size_t>(i)]);
    add(e, ids, greedy, answer);
    for (int i = 16; i < 32; ++i) add(e, prompt(90 - 2 * i, i + 10), i % 2 == 0, others[static_cast<size_t>(i)]);
    while (e.step()) {}
    return answer;
  }
  /// The request after another one has left all but its last tokens in the cache, as answers and as prompt.
  Answer after_its_beginning(const std::vector<int>& first, std::vector<int>* whole) const {
    Engine e = engine();
    Answer begun, answer;
    add(e, first, true, begun);
    while (e.step()) {}
    *whole = first;
    whole->insert(whole->end(), begun.ids.begin(), begun.ids.end());
    for (const int id : prompt(20, 3)) whole->push_back(id);
    add(e, *whole, true, answer);
    while (e.step()) {}
    return answer;
  }
};

class Determinism : public testing::TestWithParam<DType> {};

TEST_P(Determinism, CompanyThreadsAndChunksChangeNothing) {
  for (const Json& config : {mla(), gqa()})
    for (const bool exact : {false, true}) {
      SCOPED_TRACE(fmt::format("{}{}", config.at("model_type").get<std::string>(), exact ? ", exact" : ""));
      const std::vector<int> ids = prompt(1050, 1);  // into its second cell
      const Runner one(config, GetParam(), {1, 512, exact});
      const Answer greedy = one.alone(ids, true), seeded = one.alone(ids, false);
      EXPECT_NE(greedy, seeded);
      for (const HowRun& setup : {HowRun{1, 512, exact}, HowRun{2, 300, exact}, HowRun{3, 37, exact}}) {
        const Runner other(config, GetParam(), setup);
        EXPECT_EQ(other.alone(ids, true), greedy) << setup.threads << " threads, chunks of " << setup.batch;
        EXPECT_EQ(other.in_company(ids, true), greedy) << setup.threads << " threads, in company";
        EXPECT_EQ(other.in_company(ids, false), seeded) << setup.threads << " threads, in company, seeded";
      }
    }
}

TEST_P(Determinism, ExactRunsDoNotKnowWhatWasCached) {
  for (const Json& config : {mla(), gqa()}) {
    SCOPED_TRACE(config.at("model_type").get<std::string>());
    std::vector<int> whole;
    const Runner exact(config, GetParam(), {2, 100, true});
    const Answer cached = exact.after_its_beginning(prompt(70, 2), &whole);
    EXPECT_EQ(cached, exact.alone(whole, true));
    EXPECT_EQ(cached, Runner(config, GetParam(), {3, 7, true}).alone(whole, true));

    // That is no matter of course: an answer's latents are another sum than a prompt's.
    const Runner fast(config, GetParam(), {2, 100, false});
    if (config.at("model_type") == "deepseek_v2") {
      EXPECT_NE(fast.after_its_beginning(prompt(70, 2), &whole).bits, fast.alone(whole, true).bits);
    }
  }
}

TEST_P(Determinism, PreemptionChangesNothing) {
  for (const Json& config : {mla(), gqa()}) {
    SCOPED_TRACE(config.at("model_type").get<std::string>());
    const Runner tight(config, GetParam(), {2, 100, false, 4}), wide(config, GetParam(), {2, 512, false});
    Engine few = tight.engine(), many = wide.engine();
    std::vector<Answer> answers(4), expected(4);
    for (size_t i = 0; i < 4; ++i) {
      Runner::add(few, prompt(110, static_cast<int>(i)), i % 2 == 0, answers[i], 40);
      Runner::add(many, prompt(110, static_cast<int>(i)), i % 2 == 0, expected[i], 40);
    }
    while (few.step()) {}
    while (many.step()) {}
    EXPECT_GT(few.stats().preemptions, 0);
    EXPECT_EQ(many.stats().preemptions, 0);
    EXPECT_EQ(answers, expected);
  }
}

/// Sanitized, one of each kind: their kernels have tests of their own.
std::vector<DType> dtypes() {
  if (kSanitized) return {DType::F32, DType::BF16, DType::Q8_0, DType::Q4_K, DType::MXFP4};
  std::vector<DType> list;
  for (int i = 0; i < kDTypes; ++i)
    if (info(static_cast<DType>(i)).weight) list.push_back(static_cast<DType>(i));
  return list;
}

INSTANTIATE_TEST_SUITE_P(Every, Determinism, testing::ValuesIn(dtypes()),
                         [](const auto& param) { return std::string(name(param.param)); });

}  // namespace
}  // namespace dure
