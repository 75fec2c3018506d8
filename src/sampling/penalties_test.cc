#include "sampling/penalties.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/rng.h"
#include "sampling/dry.h"

namespace dure {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kMax = std::numeric_limits<float>::max();

std::vector<float> random_logits(Rng& rng, int n) {
  std::vector<float> z(n);
  for (float& v : z) v = float(rng.uniform() * 10 - 5);
  return z;
}

std::vector<int> random_text(Rng& rng, int length, int vocab) {
  std::vector<int> text(length);
  for (int& id : text) id = int(rng.below(vocab));
  return text;
}

std::span<const int> last(std::span<const int> text, int n) {
  return n < 0 || size_t(n) >= text.size() ? text : text.last(n);
}

TEST(Penalties, AgreeWithTheirDefinition) {
  Rng rng(1);
  std::vector<int> scratch;
  for (int trial = 0; trial < 200; ++trial) {
    constexpr int vocab = 12;
    SamplingParams p;
    if (trial % 2) p.repetition_penalty = 0.5f + float(rng.uniform());
    if (trial % 3) p.frequency_penalty = float(rng.uniform() * 4 - 2);
    if (trial % 5) p.presence_penalty = float(rng.uniform() * 4 - 2);
    p.repeat_last_n = int(rng.below(30)) - 1;
    const auto text = random_text(rng, int(rng.below(25)), vocab);
    const int prompt_length = int(rng.below(text.size() + 1));
    const auto before = random_logits(rng, vocab);

    auto after = before;
    apply_penalties(after, p, text, prompt_length, scratch);

    const auto window = last(text, p.repeat_last_n);
    const int in_output = int(text.size()) - prompt_length;
    const auto output = last(window, std::min(in_output, int(window.size())));
    for (int id = 0; id < vocab; ++id) {
      double z = before[id];
      if (std::count(window.begin(), window.end(), id)) z = z > 0 ? z / p.repetition_penalty : z * p.repetition_penalty;
      const auto count = std::count(output.begin(), output.end(), id);
      z -= double(count) * p.frequency_penalty + (count > 0) * p.presence_penalty;
      EXPECT_NEAR(after[id], z, 1e-5) << "trial " << trial << ", token " << id;
    }
    EXPECT_EQ(std::count(scratch.begin(), scratch.end(), 0), long(scratch.size()));
  }
}

TEST(Penalties, LogitsStayFiniteAndBansStay) {
  SamplingParams p;
  p.repetition_penalty = kMax;
  p.presence_penalty = 2;
  std::vector<float> z = {-kMax, -kInfinity, 3};
  std::vector<int> scratch;
  apply_penalties(z, p, std::vector{0, 1, -5, 99}, 0, scratch);
  EXPECT_EQ(z, (std::vector<float>{-kMax, -kInfinity, 3}));
}

TEST(LogitBias, AddsAndBans) {
  SamplingParams p;
  p.logit_bias = {{0, 2.f}, {1, -100.f}, {2, -kInfinity}, {0, 1.f}, {3, -99.f}};
  std::vector<float> z = {1, 1, 1, 1, 1};
  apply_logit_bias(z, p);
  EXPECT_EQ(z, (std::vector<float>{4, -kInfinity, -kInfinity, -98, 1}));
}

/// DRY from its description: every earlier occurrence of the last token, extended backwards one token at a time.
void dry_by_definition(std::vector<float>& z, const SamplingParams& p, std::span<const int> history) {
  const auto text = last(history, p.dry_penalty_last_n);
  const int n = int(text.size());
  const auto is_breaker = [&](int id) {
    return std::count(p.dry_sequence_breakers.begin(), p.dry_sequence_breakers.end(), id) > 0;
  };
  if (n == 0 || is_breaker(text[n - 1])) return;
  std::vector<int> longest(z.size());
  for (int i = 0; i + 1 < n; ++i) {
    if (is_breaker(text[i + 1])) continue;
    int length = 0;
    while (length <= i && text[i - length] == text[n - 1 - length] && !is_breaker(text[i - length])) ++length;
    longest[text[i + 1]] = std::max(longest[text[i + 1]], length);
  }
  for (size_t id = 0; id < z.size(); ++id)
    if (longest[id] > 0 && longest[id] >= p.dry_allowed_length)
      z[id] -= float(p.dry_multiplier * std::pow(double(p.dry_base), longest[id] - p.dry_allowed_length));
}

TEST(Dry, AgreesWithItsDefinition) {
  Rng rng(2);
  int lowered = 0;
  for (int trial = 0; trial < 500; ++trial) {
    const int vocab = 2 + int(rng.below(4));  // few tokens: many repetitions
    SamplingParams p;
    p.dry_multiplier = 0.8f;
    p.dry_base = 1.1f;
    p.dry_allowed_length = int(rng.below(4));
    p.dry_penalty_last_n = int(rng.below(50)) - 1;
    if (trial % 2) p.dry_sequence_breakers = {vocab - 1};
    const auto text = random_text(rng, int(rng.below(50)), vocab);
    const auto before = random_logits(rng, vocab);
    auto got = before, want = before;
    apply_dry(got, p, text);
    dry_by_definition(want, p, text);
    for (int id = 0; id < vocab; ++id) EXPECT_NEAR(got[id], want[id], 1e-4) << "trial " << trial << ", token " << id;
    lowered += got != before;
  }
  EXPECT_GT(lowered, 100);
}

TEST(Dry, LongRepetitionStaysFiniteAndFast) {
  SamplingParams p;
  p.dry_multiplier = 1;
  p.dry_base = 4;
  const std::vector<int> text(200'000, 1);  // quadratic work would take minutes
  std::vector<float> z = {0, 5, -kInfinity};
  apply_dry(z, p, text);
  EXPECT_EQ(z, (std::vector<float>{0, -kMax, -kInfinity}));
}

}  // namespace
}  // namespace dure
