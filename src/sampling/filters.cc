#include "sampling/filters.h"

#include <algorithm>
#include <cmath>
#include <span>

#include "sampling/select.h"
#include "sampling/softmax.h"

namespace dure {
namespace {

/// Keeps the candidates whose index satisfies the predicate. Writes every one and steps on only past those that stay:
/// whether one stays is hard to predict where many do, and a wrong branch costs more than the writes.
template <class Keep>
void retain(Candidates& c, Keep keep) {
  const bool weighed = !c.weights.empty();
  size_t kept = 0;
  for (size_t i = 0; i < c.size(); ++i) {
    const bool stays = keep(i);
    c.ids[kept] = c.ids[i];
    c.scores[kept] = c.scores[i];
    if (weighed) c.weights[kept] = c.weights[i];
    kept += stays;
  }
  c.ids.resize(kept);
  c.scores.resize(kept);
  if (weighed) c.weights.resize(kept);
}

}  // namespace

void top_k(Candidates& c, int k) {
  if (size_t(k) >= c.size()) return;
  const Cut cut = find_cut(c.scores, size_t(k));
  retain(c, [&](size_t i) { return cut.keeps(c.scores[i], i); });
}

void top_p(Candidates& c, float p) {
  const Cut cut = find_cut(c.scores, c.size(), c.weights, p * sum_of(c.weights));
  retain(c, [&](size_t i) { return cut.keeps(c.scores[i], i); });
}

void min_p(Candidates& c, float p) {
  const float least = p * max_of(c.weights);
  retain(c, [&](size_t i) { return c.weights[i] >= least; });
}

void typical_p(Candidates& c, float p) {
  const double total = sum_of(c.weights), log_total = std::log(total);
  double mean_score = 0;
  for (size_t i = 0; i < c.size(); ++i) mean_score += double(c.weights[i]) * c.scores[i] / total;
  const double entropy = log_total - mean_score;

  std::vector<float> nearness(c.size());
  for (size_t i = 0; i < c.size(); ++i) nearness[i] = -float(std::abs(log_total - c.scores[i] - entropy));
  const Cut cut = find_cut(nearness, c.size(), c.weights, p * total);
  retain(c, [&](size_t i) { return cut.keeps(nearness[i], i); });
}

void filter(Candidates& c, const SamplingParams& params) {
  c.weights.clear();
  if (params.top_k > 0) top_k(c, params.top_k);
  c.weights.resize(c.size());
  exp_nonpositive(c.weights, c.scores);
  if (params.top_p < 1) top_p(c, params.top_p);
  if (params.min_p > 0) min_p(c, params.min_p);
  if (params.typical_p < 1) typical_p(c, params.typical_p);
}

}  // namespace dure
