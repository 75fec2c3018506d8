#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace dure {

/// What an answer may be, token by token: a grammar, or anything else that can say which tokens may come next. One
/// object follows one answer; it sees each token of it once, in order. Not thread-safe.
class TokenConstraint {
 public:
  virtual ~TokenConstraint() = default;

  /// The tokens that may come next, as Sampler::sample takes them: [ceil(V / 64)] words; empty: all may. Valid until
  /// accept(). Never without a token while the answer is not complete.
  virtual std::span<const uint64_t> mask() = 0;
  /// Goes on with a token, be it sampled or forced. Throws Error if the mask does not allow it.
  virtual void accept(int id) = 0;
  /// Tokens of which each is the only way on, end tokens excepted, as a tokenizer would write them; empty if there is
  /// more than one way. They need no sampling: the engine feeds them together.
  virtual std::vector<int> forced() = 0;
  /// Whether the answer is whole and nothing may follow but an end token: the engine then ends it by itself, also under
  /// ignore_eos.
  virtual bool complete() const = 0;
};

}  // namespace dure
