#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "sampling/params.h"

namespace dure {

/// Settings that a client or a user gave; what it did not give is the model's recommendation.
struct SamplingOverrides {
  std::optional<float> temperature, top_p, min_p, typical_p, repetition_penalty, presence_penalty, frequency_penalty;
  std::optional<int> top_k, max_tokens, min_tokens, logprobs;
  std::optional<uint64_t> seed;
  std::vector<std::pair<int, float>> logit_bias;
  std::vector<int> stop_token_ids;
  bool ignore_eos = false;

  SamplingParams over(SamplingParams recommended) const;
};

}  // namespace dure
