#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "sampling/filters.h"
#include "sampling/params.h"

namespace dure {

struct TokenLogprob {
  int id;
  float logprob;
};

struct Sampled {
  int id;
  float logprob;                  ///< of id under the model, see Sampler; NaN unless params.logprobs is set
  std::vector<TokenLogprob> top;  ///< params.logprobs likeliest tokens under the model, likeliest first
};

/// Scratch memory of about 16 bytes per token of the vocabulary. Samplers that never run at the same time may share
/// one.
struct SamplerWorkspace {
  std::vector<float> logits;
  std::vector<int> occurrences;
  Candidates candidates;
};

/// Chooses the tokens of one request. The rules apply in this order:
///
///  1. repetition, frequency and presence penalties      on logits, before temperature, so that their strength does not
///  2. DRY                                               depend on it (vLLM, Hugging Face, llama.cpp)
///  3. logit_bias                                        after the penalties, so that they do not scale it
///  4. bans: stop tokens before min_tokens, the mask
///  5. temperature                                       before the filters (vLLM, Hugging Face; llama.cpp's default is
///  6. top_k, top_p, min_p, typical_p                    after), so that top_p is a share of what is sampled from
///
/// Log-probabilities are the model's own, as OpenAI and vLLM report them: the log-softmax of the logits as given,
/// before any rule.
///
/// The random number of a step is a pure function of the seed and of how many tokens the output has, so that a sequence
/// that was preempted, or is sampled again, goes on with the same text. Not thread-safe.
class Sampler {
 public:
  /// Throws Error if the params are not valid for the vocabulary. Without a workspace the sampler has one of its own.
  Sampler(SamplingParams params, int vocab_size, std::shared_ptr<SamplerWorkspace> workspace = nullptr);

  /// Samples the token that follows the history.
  ///
  /// logits         [V]; NaN counts as -inf, +inf as the largest finite number
  /// history        the ids of the prompt, then of the output so far
  /// prompt_length  how many of them are prompt
  /// mask           empty: every token is allowed; else [ceil(V / 64)] words: bit id % 64 of word id / 64 allows a
  /// token.
  ///                A token that the mask forbids is never sampled. If it leaves only stop tokens, as a grammar does at
  ///                its end, they are allowed before min_tokens too.
  /// Throws Error if there is no logit above -inf, or none that the mask and logit_bias allow.
  Sampled sample(std::span<const float> logits, std::span<const int> history, int prompt_length,
                 std::span<const uint64_t> mask = {});

  /// Works in this memory from now on.
  void use(std::shared_ptr<SamplerWorkspace> workspace) { workspace_ = std::move(workspace); }

  const SamplingParams& params() const { return params_; }
  uint64_t seed() const { return seed_; }  ///< the one given or drawn

 private:
  int choose(float best, uint64_t step);

  SamplingParams params_;
  int vocab_size_;
  uint64_t seed_;
  std::shared_ptr<SamplerWorkspace> workspace_;
};

}  // namespace dure
