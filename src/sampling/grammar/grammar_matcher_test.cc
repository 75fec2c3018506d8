#include "sampling/grammar/grammar_matcher.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "base/rng.h"
#include "sampling/grammar/rule.h"

namespace dure {
namespace {

constexpr int kEnd = 1, kControl = 2;  // tokens without bytes, with 0

/// All bytes, pieces of JSON and words, and random mixtures of them, some of which cut characters.
std::vector<std::string> vocabulary() {
  std::vector<std::string> tokens(3);
  for (int b = 0; b < 256; ++b) tokens.emplace_back(1, char(b));
  std::vector<std::string> pieces{
      "{\"",      "\":",  "\":\"", "\",\"", "\"}",  "\"}]", "[{",    "}]",    "},{", ", ",  ": ",       "\n",
      "\n  ",     "    ", "true",  "false", "null", "name", "na",    "me",    "age", "12",  "345",      "0.",
      "-1",       "e+",   "\\\"",  "\\u00", "\\n",  "한",   "국",    "어",    "é",   "😀",  "\xED\x95", "\x9C",
      "\x98\x80", "abc",  "ab",    "aa",    "aaaa", "</",   "<tool", "call>", "a\"", "\"a", "x\",\"y"};
  tokens.insert(tokens.end(), pieces.begin(), pieces.end());
  Rng rng(7);
  while (tokens.size() < 1000) {
    std::string token;
    for (uint64_t n = 1 + rng.below(3); n > 0; --n) token += pieces[rng.below(pieces.size())];
    tokens.push_back(token.substr(rng.below(2), 1 + rng.below(8)));
  }
  for (std::string& t : tokens)
    if (t.empty() && &t > &tokens[2]) t.assign(1, 'a');
  return tokens;
}

std::shared_ptr<const TokenTrie> trie() {
  static const auto made = std::make_shared<const TokenTrie>(vocabulary(), std::vector<int>{kEnd});
  return made;
}

std::shared_ptr<GrammarMasks> masks_of(const grammar::RulePtr& rule) {
  return std::make_shared<GrammarMasks>(grammar::compile(rule), trie());
}

bool allows(std::span<const uint64_t> mask, int id) { return (mask[size_t(id) / 64] >> (id % 64) & 1) != 0; }

struct Named {
  const char* name;
  grammar::RulePtr rule;
};

std::vector<Named> rules() {
  using namespace grammar;
  return {
      {"object", json_object()},
      {"compact object", json_object(JsonSpacing::compact)},
      {"any", json_schema(Json::object())},
      {"until", sequence({text_until("</a>"), literal("x")})},
      {"class", regex("[a-f]{3,40}é?")},
      {"counted", sequence({repeat(choice({literal("ab"), literal("a")}), 90, 120), literal("\"")})},
      {"anything", regex("[\\s\\S]*")},
      {"token", sequence({regex("[\\s\\S]*"), token(kControl), literal("a")})},
      {"nested", gbnf("root ::= \"[\" (root (\",\" root)*)? \"]\" | [a-c]+ | \"한\" root\n")},
      {"tail", gbnf("root ::= \"a\" root | \"b\"\n")},
      {"ambiguous", gbnf("root ::= x x x\nx ::= \"a\"* (\"b\" | \"ab\") x?\n")},
  };
}

TEST(GrammarMatcher, AllowsExactlyTheTokensThatCanBeFollowed) {
  constexpr int kVocab = 1100;  // the model's, larger than the tokenizer's
  for (const auto& [name, rule] : rules()) {
    const auto masks = masks_of(rule);
    for (int walk = 0; walk < 12; ++walk) {
      Rng rng(uint64_t(walk), 11);
      GrammarMatcher matcher(masks, kVocab);
      grammar::Recognizer bytes(masks->grammar());  // the same, one byte after another
      auto at = bytes.start();
      for (int step = 0; step < 60 && !matcher.complete(); ++step) {
        const auto mask = matcher.mask();
        std::vector<int> allowed;
        for (int id = 0; id < kVocab; ++id) {
          bool expected = false;
          if (id < trie()->vocab_size()) {
            auto next = at;
            for (const char c : trie()->bytes(id)) next = bytes.step(next, uint8_t(c));
            expected = !trie()->bytes(id).empty() && next != grammar::Recognizer::kDead;
            expected |= bytes.step_token(at, id) != grammar::Recognizer::kDead;
            expected |= id == kEnd && bytes.accepting(at);
          }
          ASSERT_EQ(allows(mask, id), expected) << name << ", step " << step << ", token " << id;
          if (expected) allowed.push_back(id);
        }
        ASSERT_FALSE(allowed.empty()) << name;
        const int id = allowed[rng.below(allowed.size())];
        matcher.accept(id);
        if (id == kEnd) break;
        auto next = bytes.step_token(at, id);
        for (const char c : trie()->bytes(id)) at = bytes.step(at, uint8_t(c));
        if (next != grammar::Recognizer::kDead) at = next;
      }
    }
  }
}

}  // namespace
}  // namespace dure
