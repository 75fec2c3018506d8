#include "toolbox/evaluate.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace dure {
namespace {

constexpr int64_t kSliceValues = int64_t{1} << 24;  // logits that are held at once for each source

std::span<const float> row_of(const Tensor& logits, int64_t row) {  // of [count, V]
  return logits.data().subspan(static_cast<size_t>(row * logits.dim(1)), static_cast<size_t>(logits.dim(1)));
}

double log_sum_exp(std::span<const float> logits) {
  const double most = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float x : logits) sum += std::exp(x - most);
  require(std::isfinite(sum), "the model's logits are not finite");
  return most + std::log(sum);
}

Estimate estimate(std::span<const double> values) {
  const double n = static_cast<double>(values.size());
  double sum = 0, squares = 0;
  for (const double v : values) sum += v;
  for (const double v : values) squares += (v - sum / n) * (v - sum / n);
  return {sum / n, n > 1 ? std::sqrt(squares / (n - 1) / n) : 0};
}

/// Calls body(row, token, n): row `row` of a window predicts `token`, and is the n-th that counts, for all rows of a
/// slice at once; `fetch` gets the slice's logits first.
template <class Fetch, class Body>
void for_each_slice(std::span<const Window> windows, int vocab, Device& device, const EvaluationProgress& progress,
                    const Fetch& fetch, const Body& body) {
  const int slice = static_cast<int>(std::clamp<int64_t>(kSliceValues / vocab, 1, 1024));
  const int64_t total = counted_tokens(windows);
  int64_t done = 0;
  for (size_t w = 0; w < windows.size(); ++w) {
    const int end = windows[w].first + windows[w].rows();
    for (int first = windows[w].first; first < end; first += slice) {
      const int count = std::min(slice, end - first);
      fetch(w, first, count);
      device.threads().parallel_for(count, 1, [&](int64_t from, int64_t to) {
        for (int64_t i = from; i < to; ++i)
          body(i, windows[w].target(first + static_cast<int>(i)), static_cast<size_t>(done + i));
      });
      done += count;
      if (progress) progress(done, total);
    }
  }
}

double quantile(std::vector<double>& values, double share) {
  const auto at = values.begin() + static_cast<long>(share * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

/// One token as two sources see it.
struct Compared {
  double kl, nll_base, nll_other, logit_worst;
  bool same_top;
};

Compared compare(std::span<const float> base, std::span<const float> other, int target) {
  const double lse_base = log_sum_exp(base), lse_other = log_sum_exp(other);
  Compared c{0, lse_base - base[static_cast<size_t>(target)], lse_other - other[static_cast<size_t>(target)], 0, false};
  for (size_t i = 0; i < base.size(); ++i) {
    const double difference = double{base[i]} - other[i], log_p = base[i] - lse_base;
    c.kl += std::exp(log_p) * (difference - lse_base + lse_other);
    c.logit_worst = std::max(c.logit_worst, std::fabs(difference));
  }
  c.kl = std::max(c.kl, 0.0);  // rounding may take it below
  c.same_top = std::ranges::max_element(base) - base.begin() == std::ranges::max_element(other) - other.begin();
  return c;
}

Perplexity perplexity(std::span<const double> nll) { return {static_cast<int64_t>(nll.size()), estimate(nll)}; }

}  // namespace

double Perplexity::value() const { return std::exp(nll.mean); }
double Perplexity::error() const { return value() * nll.error; }

Estimate Perplexity::bits_per_byte(int64_t bytes) const {
  const double factor = static_cast<double>(tokens) / static_cast<double>(std::max<int64_t>(bytes, 1)) / std::log(2.0);
  return {nll.mean * factor, nll.error * factor};
}

Perplexity measure_perplexity(LogitSource& source, Device& device, std::span<const Window> windows,
                              const EvaluationProgress& progress) {
  std::vector<double> nll(static_cast<size_t>(counted_tokens(windows)));
  Tensor logits;  // [count, V]
  for_each_slice(
      windows, source.vocab_size(), device, progress,
      [&](size_t w, int first, int count) { logits = source.rows(w, first, count); },
      [&](int64_t row, int target, size_t n) {
        const std::span<const float> values = row_of(logits, row);
        nll[n] = log_sum_exp(values) - values[static_cast<size_t>(target)];
      });
  return perplexity(nll);
}

Agreement measure_agreement(LogitSource& base, LogitSource& other, Device& device, std::span<const Window> windows,
                            const EvaluationProgress& progress) {
  require(base.vocab_size() == other.vocab_size(), "vocabularies of {} and {} tokens cannot be compared",
          base.vocab_size(), other.vocab_size());
  const size_t tokens = static_cast<size_t>(counted_tokens(windows));
  std::vector<double> kl(tokens), nll_base(tokens), nll_other(tokens), nll_difference(tokens), same_top(tokens);
  std::vector<double> worst(tokens), probability(tokens);
  Tensor a, b;  // [count, V]
  for_each_slice(
      windows, base.vocab_size(), device, progress,
      [&](size_t w, int first, int count) {
        a = base.rows(w, first, count);
        b = other.rows(w, first, count);
      },
      [&](int64_t row, int target, size_t n) {
        const Compared c = compare(row_of(a, row), row_of(b, row), target);
        kl[n] = c.kl;
        nll_base[n] = c.nll_base;
        nll_other[n] = c.nll_other;
        nll_difference[n] = c.nll_other - c.nll_base;
        same_top[n] = c.same_top ? 1 : 0;
        worst[n] = c.logit_worst;
        probability[n] = std::pow(std::exp(-c.nll_other) - std::exp(-c.nll_base), 2);
      });

  Agreement result;
  result.tokens = static_cast<int64_t>(tokens);
  result.kl = estimate(kl);
  result.same_top = estimate(same_top);
  result.base = perplexity(nll_base);
  result.other = perplexity(nll_other);
  result.nll_difference = estimate(nll_difference);
  result.logit_worst = *std::ranges::max_element(worst);
  result.probability_rms = std::sqrt(estimate(probability).mean);
  result.kl_median = quantile(kl, 0.5);
  result.kl_90 = quantile(kl, 0.9);
  result.kl_99 = quantile(kl, 0.99);
  result.kl_worst = quantile(kl, 1);
  return result;
}

}  // namespace dure
