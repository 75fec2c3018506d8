#include <algorithm>
#include <cmath>
#include <numeric>

#include "backend/lora.h"
#include "backend/reference/reference.h"

namespace dure {
namespace {

/// Affinities of one row: softmax of the logits, or each one's own.
std::vector<double> scores_of(const float* logits, int64_t experts, Routing::Score score) {
  std::vector<double> s(logits, logits + experts);
  if (score == Routing::Score::sigmoid) {
    for (double& v : s) v = 1 / (1 + std::exp(-v));
    return s;
  }
  if (score == Routing::Score::sqrt_softplus) {
    for (double& v : s) v = std::sqrt(std::max(v, 0.0) + std::log1p(std::exp(-std::abs(v))));
    return s;
  }
  const double max = *std::max_element(s.begin(), s.end());
  double sum = 0;
  for (double& v : s) sum += v = std::exp(v - max);
  for (double& v : s) v /= sum;
  return s;
}

/// Positions of the k largest values, in ascending order; of equal values the first.
std::vector<int> largest(const std::vector<double>& values, int k) {
  std::vector<int> order(values.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return values[a] > values[b]; });
  order.resize(static_cast<size_t>(k));
  std::sort(order.begin(), order.end());
  return order;
}

/// Experts outside the best groups become -inf (DeepSeek-V2 section 2.1.2, DeepSeek-V3 section 2.1.2).
void keep_best_groups(std::vector<double>& choice, const Routing& routing) {
  const int size = static_cast<int>(choice.size()) / routing.n_group;
  std::vector<double> group_scores;
  for (int g = 0; g < routing.n_group; ++g) {
    std::vector<double> group(choice.begin() + g * size, choice.begin() + (g + 1) * size);
    std::sort(group.rbegin(), group.rend());
    const bool two = routing.groups == Routing::Groups::best_two && size > 1;
    group_scores.push_back(two ? group[0] + group[1] : group[0]);
  }
  const std::vector<int> kept = largest(group_scores, routing.topk_group);
  for (int g = 0; g < routing.n_group; ++g)
    if (!std::binary_search(kept.begin(), kept.end(), g)) std::fill_n(choice.begin() + g * size, size, -INFINITY);
}

constexpr double kNormEps = 1e-20;  // the reference's guard against a zero sum

/// weight_i = factor * s_i, where factor is the scaling, over sum s + eps if normalised.
double weight_factor(const std::vector<double>& scores, const int* ids, const Routing& routing) {
  if (!routing.norm_topk_prob) return routing.routed_scaling_factor;
  double sum = kNormEps;
  for (int i = 0; i < routing.top_k; ++i) sum += scores[ids[i]];
  return routing.routed_scaling_factor / sum;
}

}  // namespace

void ReferenceBackend::route(View ids, View weights, ConstView logits, ConstView bias, const Routing& routing) {
  const int64_t E = logits.columns();
  for (int64_t t = 0; t < logits.rows(); ++t) {
    std::vector<double> choice = scores_of(logits.row(t), E, routing.score);
    if (!bias.empty())
      for (int64_t e = 0; e < E; ++e) choice[e] += bias.row(0)[e];
    if (routing.groups != Routing::Groups::none) keep_best_groups(choice, routing);
    const std::vector<int> best = largest(choice, routing.top_k);
    std::copy(best.begin(), best.end(), ids.row<int>(t));
  }
  route_weights(weights, logits, ids, routing);
}

void ReferenceBackend::route_weights(View weights, ConstView logits, ConstView ids, const Routing& routing) {
  for (int64_t t = 0; t < logits.rows(); ++t) {
    const std::vector<double> s = scores_of(logits.row(t), logits.columns(), routing.score);
    const int* chosen = ids.row<int>(t);
    const double factor = weight_factor(s, chosen, routing);
    for (int i = 0; i < routing.top_k; ++i) weights.row(t)[i] = static_cast<float>(s[chosen[i]] * factor);
  }
}

void ReferenceBackend::route_backward(View dlogits, ConstView dweights, ConstView logits, ConstView ids,
                                      const Routing& routing) {
  const int64_t E = logits.columns();
  for (int64_t t = 0; t < logits.rows(); ++t) {
    const std::vector<double> s = scores_of(logits.row(t), E, routing.score);
    const int* chosen = ids.row<int>(t);
    const double factor = weight_factor(s, chosen, routing);
    // through weight_i = factor s_i; normalised: d(s_i / S) = (ds_i - s_i / S sum_j ds_j) / S
    std::vector<double> ds(static_cast<size_t>(E));
    double mean = 0;
    for (int i = 0; i < routing.top_k; ++i) mean += dweights.row(t)[i] * s[chosen[i]];
    mean *= routing.norm_topk_prob ? factor / routing.routed_scaling_factor : 0;
    for (int i = 0; i < routing.top_k; ++i) ds[chosen[i]] = (dweights.row(t)[i] - mean) * factor;
    // through the score function
    double dot = 0;
    for (int64_t e = 0; e < E; ++e) dot += ds[e] * s[e];
    const auto slope = [&](int64_t e) {  // of the loss by the logit
      switch (routing.score) {
        case Routing::Score::sigmoid: return ds[e] * s[e] * (1 - s[e]);
        case Routing::Score::sqrt_softplus: return ds[e] / (2 * s[e] * (1 + std::exp(-double(logits.row(t)[e]))));
        default: return s[e] * (ds[e] - dot);
      }
    };
    for (int64_t e = 0; e < E; ++e) dlogits.row(t)[e] = static_cast<float>(slope(e));
  }
}

namespace {

/// One expert applied to one row, with what its backward needs.
struct Activation {
  std::vector<float> gate, up, hidden, out;  // [I] [I] [I] [D]
};

View row_view(std::vector<float>& v) {
  const int64_t n = static_cast<int64_t>(v.size());
  return {v.data(), DType::F32, {1, n}, {n, 1}};
}
ConstView row_view(const float* data, int64_t n) { return {data, DType::F32, {1, n}, {n, 1}}; }
View row_view(float* data, int64_t n) { return {data, DType::F32, {1, n}, {n, 1}}; }

Activation apply(ReferenceBackend& b, const Expert& expert, ConstView x) {
  const size_t I = static_cast<size_t>(expert.gate.out_features());
  Activation a{std::vector<float>(I), std::vector<float>(I), std::vector<float>(I),
               std::vector<float>(static_cast<size_t>(x.columns()))};
  const auto product = [&](std::vector<float>& y, ConstView in, const Weight& w, const std::vector<Lora>& loras) {
    b.ReferenceBackend::gemm(row_view(y), in, w, Direction::forward);
    add_loras(b, row_view(y), in, loras);
  };
  product(a.gate, x, expert.gate, expert.gate_loras);
  product(a.up, x, expert.up, expert.up_loras);
  b.ReferenceBackend::swiglu(row_view(a.hidden), row_view(a.gate), row_view(a.up), expert.swiglu_limit);
  product(a.out, row_view(a.hidden), expert.down, expert.down_loras);
  return a;
}

}  // namespace

void ReferenceBackend::moe(View y, ConstView x, std::span<const Expert> experts, ConstView ids, ConstView weights) {
  for (int64_t t = 0; t < x.rows(); ++t) {
    std::fill_n(y.row(t), y.columns(), 0.f);
    for (int64_t i = 0; i < ids.columns(); ++i) {
      const Activation a = apply(*this, experts[ids.row<int>(t)[i]], row_view(x.row(t), x.columns()));
      for (int64_t d = 0; d < y.columns(); ++d) y.row(t)[d] += weights.row(t)[i] * a.out[d];
    }
  }
}

void ReferenceBackend::moe_backward(View dx, View dweights, std::span<const ExpertGradient> dexperts, ConstView dy,
                                    ConstView x, std::span<const Expert> experts, ConstView ids, ConstView weights) {
  const int64_t D = x.columns();
  for (int64_t t = 0; t < x.rows(); ++t)
    for (int64_t i = 0; i < ids.columns(); ++i) {
      const int e = ids.row<int>(t)[i];
      const Expert& expert = experts[e];
      const ConstView xt = row_view(x.row(t), D);
      Activation a = apply(*this, expert, xt);
      double dot = 0;
      std::vector<float> dout(static_cast<size_t>(D));  // [D]
      for (int64_t d = 0; d < D; ++d) {
        dot += double(dy.row(t)[d]) * a.out[d];
        dout[d] = dy.row(t)[d] * weights.row(t)[i];
      }
      dweights.row(t)[i] += static_cast<float>(dot);

      const size_t I = a.gate.size();
      std::vector<float> dhidden(I), dgate(I), dup(I), part(static_cast<size_t>(D));
      static const ExpertGradient kNone;
      const ExpertGradient& wanted = dexperts.empty() ? kNone : dexperts[e];
      ReferenceBackend::gemm(row_view(dhidden), row_view(dout), expert.down, Direction::transpose);
      add_loras_backward(*this, row_view(dhidden), wanted.down_loras, row_view(dout), row_view(a.hidden),
                         expert.down_loras);
      ReferenceBackend::swiglu_backward(row_view(dgate), row_view(dup), row_view(dhidden), row_view(a.gate),
                                        row_view(a.up), expert.swiglu_limit);
      for (const auto& [weight, d] : {std::pair{&expert.gate, &dgate}, std::pair{&expert.up, &dup}}) {
        ReferenceBackend::gemm(row_view(part), row_view(*d), *weight, Direction::transpose);
        ReferenceBackend::accumulate(row_view(dx.row(t), D), row_view(part));
      }
      const View dxt = row_view(dx.row(t), D);
      add_loras_backward(*this, dxt, wanted.gate_loras, row_view(dgate), xt, expert.gate_loras);
      add_loras_backward(*this, dxt, wanted.up_loras, row_view(dup), xt, expert.up_loras);
      if (!wanted.gate.empty()) outer_product(wanted.gate, 0, row_view(dgate), xt);
      if (!wanted.up.empty()) outer_product(wanted.up, 0, row_view(dup), xt);
      if (!wanted.down.empty()) outer_product(wanted.down, 0, row_view(dout), row_view(a.hidden));
    }
}

}  // namespace dure
