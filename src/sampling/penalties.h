#pragma once

#include <span>
#include <vector>

#include "sampling/params.h"

namespace dure {

/// Lowers the logits of tokens that the text already has:
///
///     repetition_penalty r  in prompt or output:  z > 0 ? z / r : z * r   (CTRL: Keskar et al., 2019, section 4.1;
///                                                                          the sign rule is Hugging Face's)
///     frequency_penalty  f  z - f * (times it occurs in the output)       (OpenAI's API reference)
///     presence_penalty   p  z - p if it occurs in the output
///
/// The prompt counts for the first alone, as in vLLM. All look at the last repeat_last_n tokens of the text.
/// Logits stay finite: a penalty makes a token unlikely and never bans it.
///
/// logits         [V]  finite or -inf
/// history        prompt, then output; ids outside 0 ... V - 1 are passed over
/// prompt_length  how many of them are prompt
/// occurrences    scratch: empty or [V] zeros, and the same afterwards
void apply_penalties(std::span<float> logits, const SamplingParams& params, std::span<const int> history,
                     int prompt_length, std::vector<int>& occurrences);

/// OpenAI's logit_bias: adds each bias to its token's logit; -100 or less bans the token (-inf).
void apply_logit_bias(std::span<float> logits, const SamplingParams& params);

}  // namespace dure
