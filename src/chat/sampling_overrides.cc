#include "chat/sampling_overrides.h"

namespace dure {

SamplingParams SamplingOverrides::over(SamplingParams p) const {
  if (temperature) p.temperature = *temperature;
  if (top_p) p.top_p = *top_p;
  if (min_p) p.min_p = *min_p;
  if (typical_p) p.typical_p = *typical_p;
  if (repetition_penalty) p.repetition_penalty = *repetition_penalty;
  if (presence_penalty) p.presence_penalty = *presence_penalty;
  if (frequency_penalty) p.frequency_penalty = *frequency_penalty;
  if (top_k) p.top_k = *top_k;
  if (max_tokens) p.max_tokens = max_tokens;
  if (min_tokens) p.min_tokens = *min_tokens;
  if (logprobs) p.logprobs = logprobs;
  if (seed) p.seed = seed;
  p.logit_bias.insert(p.logit_bias.end(), logit_bias.begin(), logit_bias.end());
  p.stop_token_ids.insert(p.stop_token_ids.end(), stop_token_ids.begin(), stop_token_ids.end());
  p.ignore_eos = ignore_eos;
  return p;
}

}  // namespace dure
