#include "ops/moe.h"

#include "ops/gradient_check.h"

namespace dure {
namespace {

using Score = Routing::Score;
using Groups = Routing::Groups;

/// Logits in an order of their own for each row, so far apart that a finite difference changes no choice.
Tensor distinct_logits(int rows, int experts) {
  Tensor logits = Tensor::empty(test_device(), DType::F32, {rows, experts});
  for (int t = 0; t < rows; ++t)
    for (int e = 0; e < experts; ++e)
      logits.view().row(t)[e] = 0.4f * static_cast<float>((e * 5 + t * 3) % experts) - 1;
  return logits;
}

std::vector<Routing> routings() {
  std::vector<Routing> all;
  for (const Score score : {Score::softmax, Score::sigmoid, Score::sqrt_softplus})
    for (const bool norm : {false, true})
      for (const Groups groups : {Groups::none, Groups::best, Groups::best_two})
        for (const int k : {1, 3})
          all.push_back({.score = score,
                         .groups = groups,
                         .top_k = k,
                         .n_group = 4,
                         .topk_group = 2,
                         .norm_topk_prob = norm,
                         .routed_scaling_factor = 2.5f});
  return all;
}

TEST(Route, GradientMatchesFiniteDifferences) {
  const Tensor bias = Tensor::from(test_device(), std::vector<float>{4, 32, 1, 128, 64, 2, 16, 8}, {8});
  for (const Routing& routing : routings())
    for (const Tensor& b : {Tensor(), bias})
      expect_gradient([&](const Inputs& in) { return route(in[0], b, routing).weights; }, {distinct_logits(5, 8)});
}

TEST(Route, NamesWhatDoesNotFit) {
  EXPECT_ERROR(route(zeros({2, 4}), {}, {.top_k = 5}), "top 5 of 4 experts");
  EXPECT_ERROR(route(zeros({2, 4}), zeros({3}), {.top_k = 2}), "4 experts, bias [3]");
  EXPECT_ERROR(route(zeros({2, 4}), {}, {.groups = Groups::best, .top_k = 2, .n_group = 3, .topk_group = 1}),
               "top 2 of 4 experts in 1 of 3 groups");
}

constexpr int kDim = 5, kIntermediate = 3;
constexpr int kExperts = 4;  // of which the last gets no row
const std::vector<int> kIds = {0, 1, 1, 2, 0, 2};

Routed routed(const Tensor& weights) { return {Tensor::from(test_device(), kIds).alias({3, 2}), weights}; }

Inputs random_experts() {
  Inputs w;
  for (int e = 0; e < kExperts; ++e) {
    w.push_back(random({kIntermediate, kDim}));
    w.push_back(random({kIntermediate, kDim}));
    w.push_back(random({kDim, kIntermediate}));
  }
  return w;
}

/// Experts whose matrices are in[first], in[first + 1], ...
std::vector<Expert> experts_of(const Inputs& in, size_t first) {
  std::vector<Expert> experts;
  for (size_t i = first; i < in.size(); i += 3)
    experts.push_back({weight(in[i]), weight(in[i + 1]), weight(in[i + 2])});
  return experts;
}

TEST(Moe, GradientMatchesFiniteDifferences) {
  Inputs in = {random({3, kDim}), random({3, 2})};
  for (const Tensor& w : random_experts()) in.push_back(w);
  // The experts are gone before the backward pass runs.
  expect_gradient([](const Inputs& i) { return moe(i[0], experts_of(i, 2), routed(i[1])); }, in);
}

TEST(Moe, FrozenExpertsPassTheGradientOn) {
  const std::vector<Expert> experts = experts_of(random_experts(), 0);
  expect_gradient([&](const Inputs& in) { return moe(in[0], experts, routed(in[1])); },
                  {random({3, kDim}), random({3, 2})});
}

/// Adapters of the first two experts, one or two for a matrix; the experts themselves are frozen.
TEST(Moe, GradientReachesAdapters) {
  std::vector<Expert> experts = experts_of(random_experts(), 0);
  constexpr int r = 2;
  const auto run = [&](const Inputs& in) {
    const auto lora = [&](size_t i) { return Lora{weight(in[i]), weight(in[i + 1]), 1.5f}; };
    experts[0].gate_loras = {lora(2), lora(4)};
    experts[0].down_loras = {lora(6)};
    experts[1].up_loras = {lora(8)};
    return moe(in[0], experts, routed(in[1]));
  };
  const Tensor in_a = random({r, kDim}), in_b = random({kIntermediate, r});
  expect_gradient(run, {random({3, kDim}), random({3, 2}), in_a, in_b, random({r, kDim}), random({kIntermediate, r}),
                        random({r, kIntermediate}), random({kDim, r}), random({r, kDim}), random({kIntermediate, r})});
}

TEST(Moe, AnExpertWithoutRowsHasAGradientOfZero) {
  Inputs w = random_experts();
  for (Tensor& t : w) t.set_requires_grad(true);
  const Tensor y = moe(random({3, kDim}), experts_of(w, 0), routed(random({3, 2})));
  for (const Tensor& g : gradients(y, random(y.shape()), {w.end() - 3, w.end()}))
    EXPECT_THAT(g.to_floats(), testing::Each(0));
}

TEST(Moe, NamesWhatDoesNotFit) {
  const std::vector<Expert> experts = experts_of(random_experts(), 0);
  EXPECT_ERROR(moe(zeros({3, 4}), experts, routed(zeros({3, 2}))), "x [3, 4] for 4 experts of 5 channels");
  EXPECT_ERROR(moe(zeros({2, 5}), experts, routed(zeros({3, 2}))), "2 rows, 3 of them routed");
  EXPECT_ERROR(moe(zeros({3, 5}), {experts[0]}, routed(zeros({3, 2}))), "expert 1 of 1");
}

}  // namespace
}  // namespace dure
