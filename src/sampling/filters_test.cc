#include "sampling/filters.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

#include "base/rng.h"
#include "sampling/select.h"
#include "sampling/softmax.h"

namespace dure {
namespace {

/// Candidates with ids 0, 2, 4, ... so that ids and indices differ. Some trials round scores so that many are equal.
Candidates random_candidates(Rng& rng, int n, double spread, bool ties) {
  Candidates c;
  for (int i = 0; i < n; ++i) {
    const double u = rng.uniform() + rng.uniform() + rng.uniform();
    c.ids.push_back(2 * i);
    c.scores.push_back(float(ties ? std::round(u * spread) : u * spread));
  }
  const float best = max_of(c.scores);
  for (float& s : c.scores) s -= best;
  return c;
}

std::vector<double> probabilities(const Candidates& c) {
  std::vector<double> p;
  for (float s : c.scores) p.push_back(std::exp(double(s)));
  const double total = std::accumulate(p.begin(), p.end(), 0.0);
  for (double& v : p) v /= total;
  return p;
}

/// Ids of the shortest run, by descending key, with `count` members or probability `mass`: the definition, by a full
/// sort.
std::vector<int> prefix(const Candidates& c, const std::vector<double>& key, size_t count, double mass) {
  const auto p = probabilities(c);
  std::vector<int> order(c.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return key[a] > key[b]; });
  double sum = 0;
  std::vector<int> ids;
  for (int i : order) {
    ids.push_back(c.ids[i]);
    sum += p[i];
    if (ids.size() >= count || sum >= mass) break;
  }
  std::sort(ids.begin(), ids.end());
  return ids;
}

std::vector<double> scores(const Candidates& c) { return {c.scores.begin(), c.scores.end()}; }

std::vector<double> typicality(const Candidates& c) {
  const auto p = probabilities(c);
  double entropy = 0;
  for (double v : p) entropy -= v > 0 ? v * std::log(v) : 0;
  std::vector<double> key;
  for (double v : p) key.push_back(-std::abs(-std::log(v) - entropy));
  return key;
}

void for_random_candidates(bool ties_allowed, const std::function<void(Rng&, const Candidates&)>& check) {
  Rng rng(3);
  for (int trial = 0; trial < 400; ++trial) {
    const double spread = std::pow(10, rng.uniform() * 5 - 3);  // from nearly uniform to nearly one-hot
    Candidates c = random_candidates(rng, 1 + int(rng.below(300)), spread, ties_allowed && trial % 2);
    c.weights.resize(c.size());
    exp_nonpositive(c.weights, c.scores);
    SCOPED_TRACE(trial);
    check(rng, c);
  }
}

TEST(Filters, TopKIsThePrefixOfTheSort) {
  for_random_candidates(true, [](Rng& rng, const Candidates& c) {
    const int k = 1 + int(rng.below(c.size() + 5));
    auto got = c;
    got.weights.clear();
    top_k(got, c.scores, k, 1);
    for (int& id : got.ids) id *= 2;
    EXPECT_EQ(got.ids, prefix(c, scores(c), k, 2));
    EXPECT_EQ(got.weights.size(), std::min<size_t>(k, c.size()));
  });
}

TEST(Filters, TopPIsTheNucleus) {
  for_random_candidates(true, [](Rng& rng, const Candidates& c) {
    const float p = float(rng.uniform());
    auto got = c;
    top_p(got, p);
    EXPECT_EQ(got.ids, prefix(c, scores(c), c.size(), p));
  });
}

TEST(Filters, MinPIsRelativeToTheLikeliest) {
  for_random_candidates(true, [](Rng& rng, const Candidates& c) {
    const float p = float(rng.uniform());
    const auto probability = probabilities(c);
    const double least = p * *std::max_element(probability.begin(), probability.end());
    std::vector<int> want;
    for (size_t i = 0; i < c.size(); ++i)
      if (probability[i] >= least) want.push_back(c.ids[i]);
    auto got = c;
    min_p(got, p);
    EXPECT_EQ(got.ids, want);
  });
}

// Without ties: a float and a double entropy may order two candidates at the same distance on either side differently.
TEST(Filters, TypicalIsNearestToTheEntropy) {
  for_random_candidates(false, [](Rng& rng, const Candidates& c) {
    const float p = float(rng.uniform());
    auto got = c;
    typical_p(got, p);
    EXPECT_EQ(got.ids, prefix(c, typicality(c), c.size(), p));
  });
}

TEST(Filters, SomethingAlwaysStays) {
  struct Case {
    const char* name;
    std::function<void(SamplingParams&)> set;
    std::vector<int> want;
  };
  const Case cases[] = {
      {"off", [](auto&) {}, {0, 1, 2, 3}},
      {"top_k -1", [](auto& p) { p.top_k = -1; }, {0, 1, 2, 3}},
      {"top_k above the vocabulary", [](auto& p) { p.top_k = 1000; }, {0, 1, 2, 3}},
      {"top_k 1, tie", [](auto& p) { p.top_k = 1; }, {1}},
      {"top_p 0", [](auto& p) { p.top_p = 0; }, {1}},
      {"min_p 1 keeps equals", [](auto& p) { p.min_p = 1; }, {1, 2}},
      {"all at once", [](auto& p) { p.top_k = 1, p.top_p = 0, p.min_p = 1, p.typical_p = 0; }, {1}},
  };
  for (const Case& c : cases) {
    SamplingParams params;
    c.set(params);
    Candidates candidates;
    filter(candidates, std::vector<float>{-1, 0, 0, -50}, params);
    EXPECT_EQ(candidates.ids, c.want) << c.name;
    EXPECT_EQ(candidates.weights.size(), c.want.size()) << c.name;
  }
}

// Each filter sees what the one before left: of {0.5, 0.3, 0.2} top_k 2 leaves {0.625, 0.375}, whose nucleus of 0.6 is
// one token; in the other order it would be two.
TEST(Filters, TopPIsAShareOfWhatTopKLeft) {
  SamplingParams params;
  params.top_k = 2;
  params.top_p = 0.6f;
  Candidates c;
  filter(c, std::vector<float>{0, std::log(0.6f), std::log(0.4f)}, params);
  EXPECT_EQ(c.ids, (std::vector<int>{0}));
}

TEST(Select, HandlesDistancesOfAnySize) {
  const float infinity = std::numeric_limits<float>::infinity(), max = std::numeric_limits<float>::max();
  const std::vector<float> keys = {-infinity, 1, -max, 1, max, 1 - 1e-7f, -1e30f, -infinity};
  const std::vector<float> weights(keys.size(), 1.f);
  const std::vector<size_t> order = {4, 1, 3, 5, 6, 2, 0, 7};
  for (size_t k = 1; k <= keys.size(); ++k) {
    EXPECT_EQ(find_kth(keys, k).index, order[k - 1]);
    EXPECT_EQ(find_mass(keys, weights, double(k)).index, order[k - 1]);
  }
  EXPECT_EQ(find_kth(keys, 99).index, 7u);
  EXPECT_TRUE(find_mass(keys, weights, 99).keeps(-infinity, 7));
  EXPECT_EQ(find_mass(keys, weights, 0).index, 4u);
}

// Enough keys that the maxima of blocks decide, with ties across blocks.
TEST(Select, KthOfManyIsTheSortsKth) {
  Rng rng(5);
  for (const uint64_t values : {2, 50, 1'000'000}) {
    std::vector<float> keys(3000 + rng.below(64));
    for (float& key : keys) key = -float(rng.below(values));
    std::vector<size_t> order(keys.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return keys[a] > keys[b]; });
    for (const size_t k : {size_t{1}, size_t{2}, size_t{40}, size_t{46}, size_t{47}, size_t{2000}, keys.size()}) {
      const Cut cut = find_kth(keys, k);
      EXPECT_EQ(cut.index, order[k - 1]);
      std::vector<size_t> kept, want(order.begin(), order.begin() + long(k));
      for_each_kept(keys, cut, [&](size_t i) { kept.push_back(i); });
      std::sort(want.begin(), want.end());
      EXPECT_EQ(kept, want);
    }
  }
}

}  // namespace
}  // namespace dure
