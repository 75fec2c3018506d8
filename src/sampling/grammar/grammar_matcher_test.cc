#include "sampling/grammar/grammar_matcher.h"

#include <gtest/gtest.h>

#include <algorithm>
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

/// The tokens that are these pieces.
std::vector<int> ids_of(const std::vector<std::string>& pieces) {
  std::vector<int> out;
  for (const std::string& piece : pieces)
    for (int id = 0; id < trie()->vocab_size(); ++id)
      if (trie()->bytes(id) == piece) {
        out.push_back(id);
        break;
      }
  return out;
}

TEST(GrammarMatcher, ATriggerIsTextHoweverItIsSplit) {
  const auto tokens =
      std::make_shared<const TokenTrie>(std::vector<std::string>{"", "", "", "<", "t", ">", "<t", "t>", "<t>", "a<t>b",
                                                                 "a<t>c", ">b", ">c", "b", "c", "x"},
                                        std::vector<int>{kEnd});
  const auto masks = std::make_shared<GrammarMasks>(grammar::compile(grammar::literal("bb")), tokens);
  const std::vector<std::vector<int>> splits = {{3, 4, 5}, {6, 5}, {3, 7}, {8}, {3, 6, 5}, {15, 8}, {3, 3, 4, 5}};
  for (const auto& ids : splits) {
    GrammarMatcher matcher(masks, tokens->vocab_size(), {.trigger = "<t>"});
    for (const int id : ids) {
      const auto mask = matcher.mask();
      EXPECT_TRUE(mask.empty() || allows(mask, id));
      matcher.accept(id);
    }
    EXPECT_TRUE(allows(matcher.mask(), 13));
    EXPECT_FALSE(allows(matcher.mask(), 14));
    EXPECT_FALSE(allows(matcher.mask(), kEnd));
    matcher.accept(13);
    matcher.accept(13);
    EXPECT_TRUE(matcher.complete());
  }
  // Tokens that are no text can be parts of it, as DSML's are.
  GrammarMatcher marked(masks, tokens->vocab_size(),
                        {.trigger = "<t|>", .text_of = [](int id) { return id == kControl ? "|" : ""; }});
  for (const int id : {15, 3, 4, kControl, 3, 4}) marked.accept(id);
  EXPECT_TRUE(marked.mask().empty());  // "<t|<t": not yet
  for (const int id : {kControl, 5}) marked.accept(id);
  EXPECT_TRUE(allows(marked.mask(), 13));
  EXPECT_FALSE(allows(marked.mask(), 15));
  // A token may complete the trigger only if it goes on as the grammar does.
  GrammarMatcher matcher(masks, tokens->vocab_size(), {.trigger = "<t>", .free_after = true});
  EXPECT_TRUE(allows(matcher.mask(), 9));
  EXPECT_FALSE(allows(matcher.mask(), 10));
  matcher.accept(6);
  EXPECT_TRUE(allows(matcher.mask(), 11));
  EXPECT_FALSE(allows(matcher.mask(), 12));
  EXPECT_THROW(matcher.accept(12), Error);
  matcher.accept(11);
  matcher.accept(13);
  EXPECT_FALSE(matcher.complete());  // free again
  matcher.accept(15);
  matcher.accept(8);
  EXPECT_FALSE(allows(matcher.mask(), 15));
}

TEST(GrammarMatcher, ForcesWhatIsTheOnlyWayOn) {
  const auto masks = masks_of(grammar::regex("qzw(k|j)"));
  const auto bytewise = [](std::string_view text) {
    std::vector<int> ids;
    for (const char c : text) ids.push_back(3 + int(uint8_t(c)));
    return ids;
  };
  GrammarMatcher matcher(masks, 1100, {.tokenize = bytewise});
  EXPECT_EQ(matcher.forced(), ids_of({"q", "z", "w"}));
  for (const int id : ids_of({"q", "z", "w"})) matcher.accept(id);
  EXPECT_TRUE(matcher.forced().empty());  // two ways
  matcher.accept(ids_of({"k"})[0]);
  EXPECT_TRUE(matcher.complete());
  // What a longer token might join with what follows is left to the model.
  GrammarMatcher open(masks_of(grammar::regex("qna(k|j)")), 1100, {.tokenize = bytewise});
  EXPECT_EQ(open.forced(), ids_of({"q"}));
  GrammarMatcher control(masks_of(grammar::sequence({grammar::token(kControl), grammar::literal("x")})), 1100);
  EXPECT_EQ(control.forced(), std::vector<int>{kControl});
}

TEST(GrammarMasks, LeavesOfOtherGrammarsChangeNothing) {
  // A vocabulary of its own for each grammar has no scans to share.
  for (const auto& [name, rule] : rules()) {
    const auto alone = std::make_shared<const TokenTrie>(vocabulary(), std::vector<int>{kEnd});
    GrammarMatcher shared(masks_of(rule), 1100);
    GrammarMatcher own(std::make_shared<GrammarMasks>(grammar::compile(rule), alone), 1100);
    Rng rng(5);
    for (int step = 0; step < 40 && !own.complete(); ++step) {
      const auto a = shared.mask(), b = own.mask();
      ASSERT_TRUE(std::equal(a.begin(), a.end(), b.begin(), b.end())) << name << ", step " << step;
      std::vector<int> allowed;
      for (int id = 0; id < alone->vocab_size(); ++id)
        if (allows(b, id)) allowed.push_back(id);
      const int id = allowed[rng.below(allowed.size())];
      shared.accept(id);
      own.accept(id);
    }
  }
}

}  // namespace
}  // namespace dure
