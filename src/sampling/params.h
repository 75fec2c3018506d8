#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace dure {

/// How one request turns logits into tokens: the names and meanings of OpenAI's API, vLLM and Hugging Face, and DRY's
/// of llama.cpp. The defaults sample from the model's own distribution. The rules are described beside their code:
/// penalties.h, dry.h, filters.h; their order in sampler.h.
struct SamplingParams {
  float temperature = 1;         ///< >= 0; 0 is greedy
  int top_k = 0;                 ///< keep the k likeliest tokens; 0 or -1: all
  float top_p = 1;               ///< [0, 1]; 1: off
  float min_p = 0;               ///< [0, 1]; 0: off
  float typical_p = 1;           ///< [0, 1]; 1: off
  std::optional<uint64_t> seed;  ///< same seed, same text; without one a seed is drawn from the system

  float repetition_penalty = 1;  ///< > 0; 1: off
  float presence_penalty = 0;    ///< [-2, 2]
  float frequency_penalty = 0;   ///< [-2, 2]
  int repeat_last_n = -1;        ///< the three above look at this many last tokens; -1: all, 0: none

  float dry_multiplier = 0;                ///< >= 0; 0: off
  float dry_base = 1.75f;                  ///< >= 1
  int dry_allowed_length = 2;              ///< >= 0, in tokens
  int dry_penalty_last_n = -1;             ///< looks at this many last tokens; -1: all, 0: none
  std::vector<int> dry_sequence_breakers;  ///< token ids

  std::vector<std::pair<int, float>>
      logit_bias;  ///< (token id, [-100, 100] or -inf); -100 or less bans; repeats add up

  std::vector<int> stop_token_ids;  ///< end the text, in addition to eos_token_ids
  std::vector<int> eos_token_ids;   ///< the model's own; set by whoever knows the model
  bool ignore_eos = false;          ///< an EOS token does not end the text
  std::optional<int> max_tokens;    ///< >= 1; without it, until the context is full
  int min_tokens = 0;               ///< output tokens before which no stop token is sampled; <= max_tokens

  std::optional<int> logprobs;  ///< report the sampled token's and those of this many likeliest; <= vocab_size
};

/// Throws Error with the field, its value and the allowed range; NaN is in no range. Token ids must lie in the
/// vocabulary.
void validate(const SamplingParams& params, int vocab_size);

/// Whether this token ends the text: one of stop_token_ids or, unless ignore_eos, of eos_token_ids. min_tokens and
/// max_tokens are not looked at.
bool is_stop_token(const SamplingParams& params, int id);

}  // namespace dure
