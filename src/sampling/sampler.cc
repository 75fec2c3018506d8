#include "sampling/sampler.h"

#include <algorithm>
#include <limits>
#include <random>
#include <utility>

#include "base/error.h"
#include "base/rng.h"
#include "sampling/dry.h"
#include "sampling/penalties.h"
#include "sampling/select.h"
#include "sampling/softmax.h"

namespace dure {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kMax = std::numeric_limits<float>::max();

uint64_t system_seed() {
  std::random_device device;
  return uint64_t{device()} << 32 | device();
}

/// NaN becomes -inf, +inf the largest finite number.
float sanitized(float z) { return z <= kMax ? z : z > kMax ? kMax : -kInfinity; }

void sanitize(std::vector<float>& to, std::span<const float> logits) {
  to.resize(logits.size());
  for (size_t i = 0; i < logits.size(); ++i) to[i] = sanitized(logits[i]);
}

void apply_mask(std::span<float> logits, std::span<const uint64_t> mask) {
  for (size_t begin = 0; begin < logits.size(); begin += 64) {
    const uint64_t allowed = mask[begin / 64];
    if (allowed == ~uint64_t{0}) continue;
    const size_t n = std::min<size_t>(64, logits.size() - begin);
    for (size_t i = 0; i < n; ++i)
      if (!(allowed >> i & 1)) logits[begin + i] = -kInfinity;
  }
}

/// Bans the tokens that would end the text, unless nothing else is left.
void ban_stop_tokens(std::vector<float>& logits, const SamplingParams& params) {
  std::vector<std::pair<int, float>> banned;
  const auto ban = [&](const std::vector<int>& ids) {
    for (int id : ids) banned.emplace_back(id, std::exchange(logits[id], -kInfinity));
  };
  ban(params.stop_token_ids);
  if (!params.ignore_eos) ban(params.eos_token_ids);
  if (max_of(logits) == -kInfinity)
    for (size_t i = banned.size(); i-- > 0;) logits[banned[i].first] = banned[i].second;
}

/// The n likeliest tokens, likeliest first; tokens of probability 0 are left out.
std::vector<TokenLogprob> top_logprobs(std::span<const float> logits, int n, double log_total) {
  std::vector<TokenLogprob> top;
  if (n == 0) return top;
  for_each_kept(logits, find_kth(logits, size_t(n)), [&](size_t i) {
    if (logits[i] > -kInfinity) top.push_back({int(i), float(logits[i] - log_total)});
  });
  std::stable_sort(top.begin(), top.end(), [&](const auto& a, const auto& b) { return logits[a.id] > logits[b.id]; });
  return top;
}

/// The index i for which u falls into the i-th of the intervals that the weights lay out on [0, 1).
size_t draw(std::span<const float> weights, double u) {
  constexpr size_t kBlock = 512;
  double left = u * sum_of(weights);
  size_t i = 0;
  for (; i + kBlock < weights.size(); i += kBlock) {
    const double block = sum_of(weights.subspan(i, kBlock));
    if (left < block) break;
    left -= block;
  }
  for (; i < weights.size(); ++i) {
    if (left < weights[i]) return i;
    left -= weights[i];
  }
  // Sums rounded otherwise can leave a last bit over at the right end.
  return size_t(std::max_element(weights.begin(), weights.end()) - weights.begin());
}

}  // namespace

Sampler::Sampler(SamplingParams params, int vocab_size, std::shared_ptr<SamplerWorkspace> workspace)
    : params_(std::move(params)),
      vocab_size_(vocab_size),
      workspace_(workspace ? std::move(workspace) : std::make_shared<SamplerWorkspace>()) {
  validate(params_, vocab_size);
  seed_ = params_.seed ? *params_.seed : system_seed();
}

Sampled Sampler::sample(std::span<const float> given, std::span<const int> history, int prompt_length,
                        std::span<const uint64_t> mask) {
  require(given.size() == size_t(vocab_size_), "sampler: {} logits for a vocabulary of {}", given.size(), vocab_size_);
  require(prompt_length >= 0 && size_t(prompt_length) <= history.size(), "sampler: prompt of {} tokens in a text of {}",
          prompt_length, history.size());
  require(mask.empty() || mask.size() == (given.size() + 63) / 64, "sampler: mask of {} words for {} tokens",
          mask.size(), given.size());

  auto& logits = workspace_->logits;
  sanitize(logits, given);
  const double log_total = params_.logprobs ? log_sum_exp(logits) : std::numeric_limits<double>::quiet_NaN();
  Sampled sampled{0, 0, top_logprobs(logits, params_.logprobs.value_or(0), log_total)};

  const size_t step = history.size() - size_t(prompt_length);
  apply_penalties(logits, params_, history, prompt_length, workspace_->occurrences);
  apply_dry(logits, params_, history);
  apply_logit_bias(logits, params_);
  if (!mask.empty()) apply_mask(logits, mask);
  if (step < size_t(params_.min_tokens)) ban_stop_tokens(logits, params_);
  const float best = max_of(logits);
  if (best == -kInfinity) {
    const bool usable = std::any_of(given.begin(), given.end(), [](float z) { return z > -kInfinity; });
    require(usable, "sampler: the model gave no usable logit: all are NaN or -inf");
    fail("sampler: the mask and logit_bias forbid every token that the model allows");
  }

  sampled.id = choose(best, step);
  sampled.logprob = float(sanitized(given[sampled.id]) - log_total);
  return sampled;
}

int Sampler::choose(float best, uint64_t step) {
  const auto& logits = workspace_->logits;
  if (params_.temperature == 0) return int(std::find(logits.begin(), logits.end(), best) - logits.begin());
  auto& candidates = workspace_->candidates;
  filter(candidates, logits, params_);
  return candidates.ids[draw(candidates.weights, Rng(seed_, step).uniform())];
}

}  // namespace dure
