#pragma once

#include <vector>

#include "engine/request.h"

namespace dure {

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
