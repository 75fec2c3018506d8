#pragma once

#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/error.h"
#include "sampling/constraint.h"
#include "sampling/sampler.h"

namespace dure {

using SeqId = int64_t;

enum class FinishReason : uint8_t {
  stop,       ///< an end token of the model or of the request, or its constraint is complete
  length,     ///< max_tokens, or the context is full
  cancelled,  ///< by cancel(), or the receiver of tokens had enough
  deadline,   ///< the request's time was over
  failed      ///< a callback, a constraint or the model threw; on_error was told what
};
constexpr int kFinishReasons = 5;

constexpr int kMaxChoices = 128;  ///< Request::n

/// Engine::add has as many requests in line as it may.
class QueueFull : public Error {
 public:
  using Error::Error;
};

/// What a user of the engine asks for: `n` choices of an answer to one prompt, which is computed once.
///
/// The callbacks run inside Engine::step() and Engine::cancel(), one at a time, and may be empty. What one of them or
/// the constraint throws ends this request alone.
struct Request {
  std::vector<int> prompt;
  SamplingParams sampling;  ///< choice i uses seed + i
  int n = 1;
  int priority = 0;  ///< lower goes first, and may take the place of what is higher
  int adapter = -1;  ///< which of the model's named adapters; -1: none
  std::optional<std::chrono::steady_clock::time_point> deadline = {};

  /// Makes the constraint of a choice, when it is added.
  std::function<std::shared_ptr<TokenConstraint>(int choice)> constraint = {};

  /// When the request starts: tokens of the prompt whose rows the cache holds already. Once.
  std::function<void(int cached)> on_start = {};
  /// After each chunk of the prompt: tokens in the cache, tokens in all.
  std::function<void(int done, int total)> on_prefill = {};
  /// Each token of the answer but the end token, as soon as it is known. Return false to stop (a stop string was
  /// found). Tokens that the constraint forces were not sampled; their logprob is NaN.
  std::function<bool(int choice, const Sampled&)> on_token = {};
  /// What went wrong, once, before on_finish of the choices that were left.
  std::function<void(std::exception_ptr)> on_error = {};
  std::function<void(int choice, FinishReason)> on_finish = {};  ///< once for each choice, at its end
};

}  // namespace dure
