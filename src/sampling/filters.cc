#include "sampling/filters.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "sampling/select.h"
#include "sampling/softmax.h"

namespace dure {
namespace {

/// Keeps the candidates whose keys [n] the cut keeps. The keys may be the candidates' own scores or weights.
void keep(Candidates& c, std::span<const float> keys, Cut cut) {
  size_t n = 0;
  for_each_kept(keys, cut, [&](size_t i) {
    c.ids[n] = c.ids[i];
    c.scores[n] = c.scores[i];
    c.weights[n] = c.weights[i];
    ++n;
  });
  c.ids.resize(n);
  c.scores.resize(n);
  c.weights.resize(n);
}

}  // namespace

void top_k(Candidates& c, std::span<const float> logits, int k, float temperature) {
  const float best = max_of(logits);
  if (k > 0 && size_t(k) < logits.size()) {
    c.ids.clear();
    c.scores.clear();
    for_each_kept(logits, find_kth(logits, size_t(k)), [&](size_t i) {
      c.ids.push_back(int(i));
      c.scores.push_back(logits[i] - best);
    });
  } else {
    c.ids.resize(logits.size());
    std::iota(c.ids.begin(), c.ids.end(), 0);
    c.scores.resize(logits.size());
    for (size_t i = 0; i < logits.size(); ++i) c.scores[i] = logits[i] - best;
  }
  for (float& score : c.scores) score /= temperature;  // a division: 1 / temperature could overflow
  c.weights.resize(c.size());
  exp_nonpositive(c.weights, c.scores);
}

void top_p(Candidates& c, float p) { keep(c, c.scores, find_mass(c.scores, c.weights, p * sum_of(c.weights))); }

void min_p(Candidates& c, float p) { keep(c, c.weights, Cut{p * max_of(c.weights), c.size()}); }

void typical_p(Candidates& c, float p) {
  const double total = sum_of(c.weights), log_total = std::log(total);
  double mean_score = 0;
  for (size_t i = 0; i < c.size(); ++i)
    if (c.weights[i] > 0) mean_score += double(c.weights[i]) * c.scores[i] / total;
  const double entropy = log_total - mean_score;

  std::vector<float> nearness(c.size());
  for (size_t i = 0; i < c.size(); ++i) nearness[i] = -float(std::abs(log_total - c.scores[i] - entropy));
  keep(c, nearness, find_mass(nearness, c.weights, p * total));
}

void filter(Candidates& c, std::span<const float> logits, const SamplingParams& params) {
  top_k(c, logits, params.top_k, params.temperature);
  if (params.top_p < 1) top_p(c, params.top_p);
  if (params.min_p > 0) min_p(c, params.min_p);
  if (params.typical_p < 1) typical_p(c, params.typical_p);
}

}  // namespace dure
