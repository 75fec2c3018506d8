#include "sampling/params.h"

#include <algorithm>
#include <limits>
#include <string_view>

#include "base/error.h"

namespace dure {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kMax = std::numeric_limits<float>::max();
constexpr int kMaxInt = std::numeric_limits<int>::max();

void check_real(std::string_view field, float value, float min, float max) {
  if (value >= min && value <= max) return;  // false for NaN
  if (max == kMax) fail("{} is {}, must be a finite number of at least {}", field, value, min);
  fail("{} is {}, must be between {} and {}", field, value, min, max);
}

void check_count(std::string_view field, int value, int min, int max) {
  if (value >= min && value <= max) return;
  if (max == kMaxInt) fail("{} is {}, must be at least {}", field, value, min);
  fail("{} is {}, must be between {} and {}", field, value, min, max);
}

void check_ids(std::string_view field, const std::vector<int>& ids, int vocab_size) {
  for (int id : ids)
    require(id >= 0 && id < vocab_size, "{} has token id {}, must be between 0 and {}", field, id, vocab_size - 1);
}

bool contains(const std::vector<int>& ids, int id) { return std::find(ids.begin(), ids.end(), id) != ids.end(); }

}  // namespace

void validate(const SamplingParams& p, int vocab_size) {
  check_real("temperature", p.temperature, 0, kMax);
  check_count("top_k", p.top_k, -1, kMaxInt);
  check_real("top_p", p.top_p, 0, 1);
  check_real("min_p", p.min_p, 0, 1);
  check_real("typical_p", p.typical_p, 0, 1);

  require(p.repetition_penalty > 0 && p.repetition_penalty <= kMax,
          "repetition_penalty is {}, must be a finite number greater than 0", p.repetition_penalty);
  check_real("presence_penalty", p.presence_penalty, -2, 2);
  check_real("frequency_penalty", p.frequency_penalty, -2, 2);
  check_count("repeat_last_n", p.repeat_last_n, -1, kMaxInt);

  check_real("dry_multiplier", p.dry_multiplier, 0, kMax);
  check_real("dry_base", p.dry_base, 1, kMax);
  check_count("dry_allowed_length", p.dry_allowed_length, 0, kMaxInt);
  check_count("dry_penalty_last_n", p.dry_penalty_last_n, -1, kMaxInt);
  check_ids("dry_sequence_breakers", p.dry_sequence_breakers, vocab_size);

  for (const auto& [id, bias] : p.logit_bias) {
    require(id >= 0 && id < vocab_size, "logit_bias has token id {}, must be between 0 and {}", id, vocab_size - 1);
    require((bias >= -100 && bias <= 100) || bias == -kInfinity,
            "logit_bias of token {} is {}, must be between -100 and 100, or -inf", id, bias);
  }

  check_ids("stop_token_ids", p.stop_token_ids, vocab_size);
  check_ids("eos_token_ids", p.eos_token_ids, vocab_size);
  if (p.max_tokens) check_count("max_tokens", *p.max_tokens, 1, kMaxInt);
  check_count("min_tokens", p.min_tokens, 0, p.max_tokens.value_or(kMaxInt));
  if (p.logprobs) check_count("logprobs", *p.logprobs, 0, vocab_size);
}

bool is_stop_token(const SamplingParams& params, int id) {
  return contains(params.stop_token_ids, id) || (!params.ignore_eos && contains(params.eos_token_ids, id));
}

}  // namespace dure
