#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "sampling/sampler.h"

namespace dure {

using SeqId = int64_t;

enum class FinishReason : uint8_t {
  stop,      ///< an end token of the model or of the request
  length,    ///< max_tokens, or the context is full
  cancelled  ///< by cancel(), or the receiver of tokens had enough
};

/// What a user of the engine asks for. The callbacks run inside Engine::step().
struct Request {
  std::vector<int> prompt;
  SamplingParams sampling;
  /// Each sampled token but the end token, as soon as it is known. Return false to stop (a stop string was found).
  std::function<bool(const Sampled&)> on_token;
  /// When the request starts: tokens of the prompt whose rows the cache holds already. May be empty.
  std::function<void(int cached)> on_start;
  /// After each chunk of the prompt: tokens in the cache, tokens in all. May be empty.
  std::function<void(int done, int total)> on_prefill;
  std::function<void(FinishReason)> on_finish;  ///< once, at the end. May be empty.
};

/// A request on its way.
struct Sequence {
  Sequence(SeqId i, Request r, Sampler s)
      : id(i), request(std::move(r)), sampler(std::move(s)), tokens(request.prompt) {}

  SeqId id;
  Request request;
  Sampler sampler;
  std::vector<int> tokens;  ///< prompt, then answer
  std::vector<int> pages;   ///< block table
  int computed = 0;         ///< tokens whose rows are in the cache
  bool finished = false;

  int prompt_length() const { return static_cast<int>(request.prompt.size()); }
  int length() const { return static_cast<int>(tokens.size()); }
};

}  // namespace dure
