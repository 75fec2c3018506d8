#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "sampling/params.h"

namespace dure {

/// The tokens still in the running, in ascending order of their ids.
struct Candidates {
  std::vector<int> ids;
  std::vector<float> scores;   ///< (logit - largest logit) / temperature: <= 0, -inf for what can't be sampled
  std::vector<float> weights;  ///< e^score: probabilities but for their sum

  size_t size() const { return ids.size(); }
};

// Each filter leaves the candidates that it keeps, at least one, and works on the distribution that the one before
// left, renormalised. Where candidates are equally good and not all can stay, those of lower id stay.

/// The k likeliest tokens (Fan et al., 2018, section 5.4), or all if k is not in 1 ... V - 1, at this temperature. The
/// temperature doesn't change their order, so that nothing is computed for the others.
/// logits  [V], the largest is finite; no NaN
void top_k(Candidates& candidates, std::span<const float> logits, int k, float temperature);

/// The nucleus: the fewest of the likeliest that together have probability p or more (Holtzman et al., 2020,
/// section 3.1).
void top_p(Candidates& candidates, float p);

/// Those at least p times as likely as the likeliest (Nguyen et al., 2024, section 3).
void min_p(Candidates& candidates, float p);

/// Of those whose surprise -log p(x) is nearest to the entropy of the distribution, the fewest that together have
/// probability p or more (locally typical sampling: Meister et al., 2022, section 4).
void typical_p(Candidates& candidates, float p);

/// Temperature and the filters that params turns on, in Hugging Face's order: top_k, top_p, min_p, typical_p.
/// REQUIRES: temperature > 0.
void filter(Candidates& candidates, std::span<const float> logits, const SamplingParams& params);

}  // namespace dure
