#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/rng.h"
#include "sampling/grammar/compiled_grammar.h"
#include "sampling/grammar/recognizer.h"
#include "sampling/grammar/rule.h"

namespace dure {

/// Compiles a rule and writes a text of it, byte by byte at random, but no more than a few hundred; then it is empty.
/// Traps where there is no next byte though the text is not whole.
inline std::string write_something(const grammar::RulePtr& rule, uint64_t seed) {
  const grammar::GrammarLimits limits{.states = 20'000, .time = std::chrono::milliseconds(2000)};
  grammar::Recognizer recognizer(grammar::compile(rule, limits));
  Rng rng(seed);
  std::string text;
  auto at = recognizer.start();
  for (int i = 0; i < 300; ++i) {
    if (recognizer.accepting(at) && rng.below(4) == 0) return text;
    std::vector<uint8_t> next;
    for (int byte = 0; byte < 256; ++byte)
      if (recognizer.step(at, uint8_t(byte)) != grammar::Recognizer::kDead) next.push_back(uint8_t(byte));
    if (next.empty()) {
      if (recognizer.accepting(at)) return text;
      if (recognizer.goes_on(at)) return "";  // by a token
      __builtin_trap();
    }
    text += char(next[rng.below(next.size())]);
    at = recognizer.step(at, uint8_t(text.back()));
  }
  return "";
}

}  // namespace dure
