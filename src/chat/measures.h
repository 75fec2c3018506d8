#pragma once

#include <string>
#include <vector>

#include "chat/loaded_model.h"
#include "sampling/sampler.h"

namespace dure {

// What a model can say about texts without writing any: one forward pass each, without the cache. REQUIRES, of all: no
// one else uses the model's device at the same time.

/// The mean of the last layer's states over the rows, of length 1: [D].
std::vector<float> embed_text(const LoadedModel& model, const std::vector<int>& ids);

/// ln p(ids[i] | ids[0..i)) for each i > 0, under the id itself, with the `top` likeliest tokens in that place.
std::vector<Sampled> score_text(const LoadedModel& model, const std::vector<int>& ids, int top);

/// The probability that the model's next word is "yes" if it must be "yes" or "no": in (0, 1).
double yes_probability(const LoadedModel& model, const std::vector<int>& ids);

/// The prompt whose yes or no says whether a document answers a query.
std::vector<int> relevance_prompt(const LoadedModel& model, const std::string& query, const std::string& document);

}  // namespace dure
