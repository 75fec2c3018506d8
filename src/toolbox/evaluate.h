#pragma once

#include <functional>
#include <span>

#include "toolbox/logit_source.h"

namespace dure {

/// A mean over tokens with its standard error, as if tokens were independent.
struct Estimate {
  double mean = 0, error = 0;
};

/// How well a model predicts a text.
struct Perplexity {
  int64_t tokens = 0;
  Estimate nll;  ///< nats per token

  double value() const;  ///< exp(nll)
  double error() const;  ///< of value(), to first order
  /// Bits for each byte of the tokens that count: comparable between tokenizers.
  Estimate bits_per_byte(int64_t bytes) const;
};

/// How far the distributions of one model are from another's, over the tokens of a text.
struct Agreement {
  int64_t tokens = 0;
  Estimate kl;                                               ///< KL(base || other), nats per token
  double kl_median = 0, kl_90 = 0, kl_99 = 0, kl_worst = 0;  ///< quantiles over tokens
  Estimate same_top;                                         ///< share of tokens at which both prefer the same one
  Perplexity base, other;
  Estimate nll_difference;     ///< other - base; its error is small, for both saw the same tokens
  double logit_worst = 0;      ///< largest |difference| of a logit
  double probability_rms = 0;  ///< of the difference in the probability of the token that came
};

/// Called now and then with the tokens scored so far and in all.
using EvaluationProgress = std::function<void(int64_t done, int64_t total)>;

/// Throws Error if a logit is not finite.
Perplexity measure_perplexity(LogitSource& source, Device& device, std::span<const Window> windows,
                              const EvaluationProgress& progress = {});

/// The rows of both sources, one beside the other. Throws Error if the vocabularies differ in size or a logit is not
/// finite. Kullback and Leibler's divergence is summed in double over the whole vocabulary.
Agreement measure_agreement(LogitSource& base, LogitSource& other, Device& device, std::span<const Window> windows,
                            const EvaluationProgress& progress = {});

}  // namespace dure
