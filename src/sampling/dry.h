#pragma once

#include <span>

#include "sampling/params.h"

namespace dure {

/// DRY, "don't repeat yourself" (p-e-w, text-generation-webui pull request 5677, 2024): lowers a token that would carry
/// on a repetition of the text. If the last n tokens of the text occur earlier and the token followed them there, then
///
///     z -= dry_multiplier * dry_base ^ (n - dry_allowed_length)    for the longest such n, if n >= dry_allowed_length
///
/// A repetition does not reach across dry_sequence_breakers, and a breaker itself is never lowered. Only the last
/// dry_penalty_last_n tokens are looked at. Linear in their number (the Z function of the reversed text), whatever it
/// repeats. Logits stay finite.
///
/// logits   [V]  finite or -inf
/// history  prompt, then output; ids outside 0 ... V - 1 match but are not lowered
void apply_dry(std::span<float> logits, const SamplingParams& params, std::span<const int> history);

}  // namespace dure
