#pragma once

#include <cstddef>
#include <vector>

#include "sampling/params.h"

namespace dure {

/// The tokens still in the running, in ascending order of their ids.
struct Candidates {
  std::vector<int> ids;
  std::vector<float> scores;   ///< logit / temperature, less the largest: <= 0, finite
  std::vector<float> weights;  ///< e^score: probabilities but for their sum

  size_t size() const { return ids.size(); }
};

// Each filter leaves the candidates that it keeps, at least one, and works on the distribution that the one before
// left, renormalised. Where candidates are equally good and not all can stay, those of lower id stay.

/// The k likeliest (Fan et al., 2018, section 5.4). Reads no weights.
void top_k(Candidates& candidates, int k);

/// The nucleus: the fewest of the likeliest that together have probability p or more (Holtzman et al., 2020,
/// section 3.1).
void top_p(Candidates& candidates, float p);

/// Those at least p times as likely as the likeliest (Nguyen et al., 2024, section 3).
void min_p(Candidates& candidates, float p);

/// Of those whose surprise -log p(x) is nearest to the entropy of the distribution, the fewest that together have
/// probability p or more (locally typical sampling: Meister et al., 2022, section 4).
void typical_p(Candidates& candidates, float p);

/// Fills in the weights and applies the filters that params turns on, in Hugging Face's order: top_k, top_p, min_p,
/// typical_p.
void filter(Candidates& candidates, const SamplingParams& params);

}  // namespace dure
