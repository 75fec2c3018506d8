#include "sampling/sampler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>

#include "base/error_of.h"
#include "base/rng.h"

namespace dure {
namespace {

using testing::HasSubstr;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

SamplingParams at_temperature(float temperature) {
  SamplingParams p;
  p.temperature = temperature;
  p.seed = 42;
  return p;
}

Sampled sample_once(const SamplingParams& params, const std::vector<float>& logits,
                    const std::vector<int>& history = {}, int prompt_length = 0, std::span<const uint64_t> mask = {}) {
  return Sampler(params, int(logits.size())).sample(logits, history, prompt_length, mask);
}

std::vector<float> random_logits(uint64_t seed, size_t n) {
  Rng rng(seed);
  std::vector<float> z(n);
  for (float& v : z) v = float(rng.uniform() * 8);
  return z;
}

TEST(Sampler, GreedyTakesTheLikeliest) {
  struct Case {
    std::vector<float> logits;
    int want;
  };
  const Case cases[] = {
      {{3}, 0},
      {{1, 5, 2}, 1},
      {{1, 5, 5, 5}, 1},  // ties: the lowest id
      {{kNan, -3, kNan}, 1},
      {{0, kInfinity, kNan}, 1},
      {{-kInfinity, -1e38f}, 1},
      {{-0.f, 0.f}, 0},
  };
  for (const Case& c : cases) EXPECT_EQ(sample_once(at_temperature(0), c.logits).id, c.want);
}

TEST(Sampler, TinyTemperatureIsGreedy) {
  for (const float temperature : {1e-45f, 1e-30f, 1e-3f}) {
    EXPECT_EQ(sample_once(at_temperature(temperature), {1, 5, 2, -1e38f}).id, 1);
    EXPECT_EQ(sample_once(at_temperature(temperature), {-1e38f, kNan, 3e38f, kInfinity}).id, 3);
  }
}

TEST(Sampler, Refusals) {
  const auto message = [](const std::vector<float>& logits, std::vector<uint64_t> mask = {}) {
    return error_of([&] { sample_once(at_temperature(1), logits, {}, 0, mask); });
  };
  EXPECT_THAT(message({kNan, kNan}), HasSubstr("no usable logit"));
  EXPECT_THAT(message({-kInfinity, kNan}), HasSubstr("no usable logit"));
  EXPECT_THAT(message({1, 2}, {0}), HasSubstr("forbid every token"));
  EXPECT_THAT(message({1, 2}, {1, 1}), HasSubstr("mask of 2 words for 2 tokens"));
  Sampler sampler({}, 3);
  const std::vector<float> two = {1, 2}, three = {1, 2, 3};
  EXPECT_THAT(error_of([&] { sampler.sample(two, {}, 0); }), HasSubstr("2 logits for a vocabulary of 3"));
  EXPECT_THAT(error_of([&] { sampler.sample(three, {}, 1); }), HasSubstr("prompt of 1 tokens in a text of 0"));
  EXPECT_THAT(error_of([] { Sampler({}, 0).sample({}, {}, 0); }), HasSubstr("no usable logit"));
}

// The seed is fixed, so the outcome is too.
TEST(Sampler, FrequenciesFollowTheSoftmax) {
  for (const float temperature : {0.5f, 1.f, 2.f}) {
    const std::vector<float> logits = {0, 1, 2, 3, -kInfinity, 2.5f, kNan, -1};
    Sampler sampler(at_temperature(temperature), int(logits.size()));
    constexpr int draws = 20'000;
    std::vector<int> history, seen(logits.size());
    for (int i = 0; i < draws; ++i) {
      const int id = sampler.sample(logits, history, 0).id;
      ++seen[id];
      history.push_back(id);
    }
    double total = 0, chi_square = 0;
    for (float z : logits) total += z == z ? std::exp(z / temperature) : 0;
    for (size_t id = 0; id < logits.size(); ++id) {
      const double expected = logits[id] == logits[id] ? draws * std::exp(logits[id] / temperature) / total : 0;
      if (expected == 0) {
        EXPECT_EQ(seen[id], 0);
      } else {
        chi_square += (seen[id] - expected) * (seen[id] - expected) / expected;
      }
    }
    EXPECT_LT(chi_square, 20.5) << "temperature " << temperature;  // 5 degrees of freedom, p = 0.001
  }
}

// A vocabulary of several blocks of the draw, where the last and first of a block must be reached too.
TEST(Sampler, EveryTokenOfALargeFlatVocabularyIsReached) {
  constexpr int vocab = 1030;
  const std::vector<float> logits(vocab, 1.5f);
  Sampler sampler(at_temperature(1), vocab);
  std::vector<int> history, seen(vocab);
  for (int i = 0; i < 20 * vocab; ++i) {
    ++seen[sampler.sample(logits, history, 0).id];
    history.push_back(0);
  }
  for (int id = 0; id < vocab; ++id) EXPECT_GT(seen[id], 0) << id;
}

TEST(Sampler, SameSeedSameText) {
  const auto text = [](std::optional<uint64_t> seed) {
    SamplingParams p;
    p.seed = seed;
    Sampler sampler(p, 500);
    std::vector<int> history = {1, 2, 3};
    for (int step = 0; step < 20; ++step)
      history.push_back(sampler.sample(random_logits(uint64_t(step), 500), history, 3).id);
    return history;
  };
  EXPECT_EQ(text(7), text(7));
  EXPECT_NE(text(7), text(8));
  EXPECT_NE(text({}), text({}));
}

TEST(Sampler, AStepCanBeRepeatedWithoutThoseBefore) {
  const auto logits = random_logits(1, 300);
  std::vector<int> history = {5};
  Sampler sampler(at_temperature(1), 300);
  for (int step = 0; step < 10; ++step) {
    const int id = sampler.sample(logits, history, 1).id;
    EXPECT_EQ(sample_once(at_temperature(1), logits, history, 1).id, id);
    history.push_back(id);
  }
}

// Pins the stream itself: a change here changes every seeded text of every user.
TEST(Sampler, TheStreamOfASeedIsFixed) {
  Sampler sampler(at_temperature(1), 1000);
  std::vector<int> history;
  for (int step = 0; step < 8; ++step) history.push_back(sampler.sample(std::vector<float>(1000, 0.f), history, 0).id);
  std::vector<int> want;
  for (uint64_t step = 0; step < 8; ++step) want.push_back(int(Rng(42, step).uniform() * 1000));
  EXPECT_EQ(history, want);
}

TEST(Sampler, LogprobsAreTheModelsOwn) {
  SamplingParams p = at_temperature(0.3f);
  p.logprobs = 3;
  p.top_k = 1;
  p.logit_bias = {{0, 100.f}};
  const std::vector<float> logits = {1, 4, kNan, 3, 4, -kInfinity};
  const Sampled sampled = sample_once(p, logits);
  double total = 0;
  for (float z : {1.f, 4.f, 3.f, 4.f}) total += std::exp(double(z));
  EXPECT_EQ(sampled.id, 0);
  EXPECT_NEAR(sampled.logprob, 1 - std::log(total), 1e-6);
  ASSERT_EQ(sampled.top.size(), 3u);
  const int ids[] = {1, 4, 3};
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(sampled.top[i].id, ids[i]);
    EXPECT_NEAR(sampled.top[i].logprob, logits[ids[i]] - std::log(total), 1e-6);
  }
  p.logprobs = 6;
  EXPECT_EQ(sample_once(p, logits).top.size(), 4u);  // nothing of probability 0
  p.logprobs = {};
  EXPECT_TRUE(sample_once(p, logits).top.empty());
  EXPECT_TRUE(std::isnan(sample_once(p, logits).logprob));
  p.logprobs = 0;
  EXPECT_TRUE(sample_once(p, logits).top.empty());
  EXPECT_NEAR(sample_once(p, logits).logprob, 1 - std::log(total), 1e-6);
}

TEST(Sampler, MaskedTokensAreNeverSampled) {
  constexpr int vocab = 150;
  std::vector<uint64_t> mask = {~uint64_t{0}, 0, 0b101};
  mask[0] &= ~(uint64_t{1} << 63);
  const auto allowed = [&](int id) { return (mask[size_t(id) / 64] >> (id % 64) & 1) != 0; };
  for (uint64_t trial = 0; trial < 300; ++trial) {
    auto logits = random_logits(trial, vocab);
    logits[64] = 50;  // the likeliest is masked
    SamplingParams p = at_temperature(trial % 3 ? float(trial) : 0);
    p.seed = trial;
    EXPECT_TRUE(allowed(sample_once(p, logits, {}, 0, mask).id));
    p.logit_bias = {{64, 100.f}};
    EXPECT_TRUE(allowed(sample_once(p, logits, {}, 0, mask).id));
  }
}

TEST(Sampler, NothingEndsTheTextBeforeMinTokens) {
  SamplingParams p = at_temperature(0);
  p.stop_token_ids = {0};
  p.eos_token_ids = {1};
  p.min_tokens = 2;
  const std::vector<float> logits = {9, 8, 7, 6};
  EXPECT_EQ(sample_once(p, logits, {3, 3, 3}, 3).id, 2);
  EXPECT_EQ(sample_once(p, logits, {3, 3, 3, 3}, 3).id, 2);
  EXPECT_EQ(sample_once(p, logits, {3, 3, 3, 3, 3}, 3).id, 0);
  const std::vector<uint64_t> only_stops = {0b11};
  EXPECT_EQ(sample_once(p, logits, {3}, 1, only_stops).id, 0);  // a grammar that is done overrules
  p.stop_token_ids = {0, 0};
  EXPECT_EQ(sample_once(p, logits, {3}, 1, only_stops).id, 0);
  p.ignore_eos = true;
  EXPECT_EQ(sample_once(p, logits, {3}, 1).id, 1);
}

TEST(Sampler, RulesActInTheirOrder) {
  // 4 / 2 = 2 by the penalty, and only then + 1.5 by the bias: above 3. Biased first it would be 5.5 / 2 = 2.75.
  SamplingParams p = at_temperature(0);
  p.repetition_penalty = 2;
  p.logit_bias = {{0, 1.5f}};
  EXPECT_EQ(sample_once(p, {4, 3}, {0}, 1).id, 0);
  // At temperature 1 the likelier has 0.73 and is a nucleus of 0.7; at temperature 10 it has 0.52 and is not.
  for (const auto& [temperature, support] : {std::pair{1.f, 1}, std::pair{10.f, 2}}) {
    SamplingParams q = at_temperature(temperature);
    q.top_p = 0.7f;
    std::map<int, int> seen;
    Sampler sampler(q, 2);
    for (std::vector<int> history; history.size() < 50; history.push_back(0))
      ++seen[sampler.sample(std::vector<float>{1, 0}, history, 0).id];
    EXPECT_EQ(int(seen.size()), support);
  }
}

TEST(Sampler, SharedWorkspaceChangesNothing) {
  const auto workspace = std::make_shared<SamplerWorkspace>();
  SamplingParams p = at_temperature(1);
  p.repetition_penalty = 1.3f;
  p.top_p = 0.9f;
  Sampler large(p, 400, workspace), small(p, 30, workspace);
  std::vector<int> history = {1, 2, 29};
  for (uint64_t step = 0; step < 10; ++step) {
    const auto many = random_logits(step, 400), few = random_logits(step, 30);
    EXPECT_EQ(large.sample(many, history, 0).id, sample_once(p, many, history).id);
    EXPECT_EQ(small.sample(few, history, 0).id, sample_once(p, few, history).id);
    history.push_back(int(step));
  }
}

}  // namespace
}  // namespace dure
