// Masks against brute force: random grammars and schemas whose languages are small enough to write out, built here
// beside their texts by sets of strings alone. A token may come next if and only if some string of the language begins
// with what was said and the token.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "base/json.h"
#include "base/rng.h"
#include "base/sanitized.h"
#include "sampling/grammar/grammar_matcher.h"
#include "sampling/grammar/rule.h"

namespace dure {
namespace {

using Language = std::set<std::string>;

constexpr size_t kMostStrings = 150;
constexpr int kEnd = 0;

/// One language, and how it is written.
struct Written {
  std::string regex, gbnf;
  Language strings;
};

Language joined(const Language& a, const Language& b) {
  Language out;
  for (const std::string& x : a)
    for (const std::string& y : b) out.insert(x + y);
  return out;
}

Written random_grammar(Rng& rng, int depth) {
  static const std::string letters[] = {"a", "b", "c", "ab", "한", "é"};
  const uint64_t kind = depth == 0 ? 0 : rng.below(5);
  if (kind == 0) {
    const std::string& text = letters[rng.below(std::size(letters))];
    return {text, "\"" + text + "\"", {text}};
  }
  if (kind == 1) return {"[ab]", "[ab]", {"a", "b"}};
  const Written x = random_grammar(rng, depth - 1);
  Written out;
  if (kind == 4) {
    const uint64_t min = rng.below(2), max = min + 1 + rng.below(2);
    const std::string times = "{" + std::to_string(min) + "," + std::to_string(max) + "}";
    out = {"(" + x.regex + ")" + times, "(" + x.gbnf + ")" + times, {}};
    Language power = {""};
    for (uint64_t n = 0; n <= max; ++n) {
      if (n >= min) out.strings.insert(power.begin(), power.end());
      power = joined(power, x.strings);
    }
  } else {
    const Written y = random_grammar(rng, depth - 1);
    const bool either = kind == 3;
    out = {
        "(" + x.regex + (either ? "|" : "") + y.regex + ")", "(" + x.gbnf + (either ? " | " : " ") + y.gbnf + ")", {}};
    out.strings = either ? x.strings : joined(x.strings, y.strings);
    if (either) out.strings.insert(y.strings.begin(), y.strings.end());
  }
  return out.strings.size() > kMostStrings ? x : out;
}

/// A schema, and the compact texts of the values that it accepts.
struct WrittenSchema {
  Json schema;
  Language texts;
};

WrittenSchema random_object(Rng& rng, int depth);

WrittenSchema random_schema(Rng& rng, int depth) {
  WrittenSchema out;
  switch (rng.below(depth == 0 ? 4 : 7)) {
    case 0: return {{{"type", "boolean"}}, {"true", "false"}};
    case 1: {
      const int64_t low = static_cast<int64_t>(rng.below(30)) - 15, high = low + static_cast<int64_t>(rng.below(120));
      out.schema = {{"type", "integer"}, {"minimum", low}, {"maximum", high}};
      for (int64_t v = low; v <= high; ++v) out.texts.insert(std::to_string(v));
      return out;
    }
    case 2: return {{{"enum", {1, nullptr, false, 17}}}, {"1", "null", "false", "17"}};
    case 3: return {{{"const", {1, 2}}}, {"[1,2]"}};
    case 4: {
      const WrittenSchema item = random_schema(rng, depth - 1);
      const uint64_t min = rng.below(2), max = item.texts.size() > 15 ? 1 : 2;
      out.schema = {{"type", "array"}, {"items", item.schema}, {"minItems", min}, {"maxItems", max}};
      if (min == 0) out.texts.insert("[]");
      for (const std::string& a : item.texts) {
        out.texts.insert("[" + a + "]");
        for (const std::string& b : item.texts)
          if (max == 2) out.texts.insert("[" + a + "," + b + "]");
      }
      return out;
    }
    case 5: {
      const WrittenSchema a = random_schema(rng, depth - 1), b = random_schema(rng, depth - 1);
      out = {{{"anyOf", {a.schema, b.schema}}}, a.texts};
      out.texts.insert(b.texts.begin(), b.texts.end());
      return out;
    }
    default: return random_object(rng, depth);
  }
}

/// Two properties, each required or not.
WrittenSchema random_object(Rng& rng, int depth) {
  const WrittenSchema a = random_schema(rng, depth - 1);
  WrittenSchema b = random_schema(rng, depth - 1);
  if (a.texts.size() * b.texts.size() > kMostStrings) b = {{{"type", "null"}}, {"null"}};
  const bool needs_a = rng.below(2) == 0, needs_b = rng.below(2) == 0;
  WrittenSchema out;
  out.schema = {{"type", "object"},
                {"properties", {{"a", a.schema}, {"b", b.schema}}},
                {"required", Json::array()},
                {"additionalProperties", false}};
  if (needs_a) out.schema["required"].push_back("a");
  if (needs_b) out.schema["required"].push_back("b");
  if (!needs_a && !needs_b) out.texts.insert("{}");
  for (const std::string& x : a.texts) {
    if (!needs_b) out.texts.insert("{\"a\":" + x + "}");
    for (const std::string& y : b.texts) out.texts.insert("{\"a\":" + x + ",\"b\":" + y + "}");
  }
  if (!needs_a)
    for (const std::string& y : b.texts) out.texts.insert("{\"b\":" + y + "}");
  return out;
}

/// Every byte, and pieces of the strings.
std::shared_ptr<const TokenTrie> vocabulary_of(const Language& language, Rng& rng) {
  std::set<std::string> pieces;
  for (int b = 0; b < 256; ++b) pieces.insert(std::string(1, char(b)));
  for (const std::string& s : language)
    for (int i = 0; i < 4 && !s.empty(); ++i) pieces.insert(s.substr(rng.below(s.size()), 1 + rng.below(5)));
  std::vector<std::string> tokens = {""};  // kEnd
  tokens.insert(tokens.end(), pieces.begin(), pieces.end());
  return std::make_shared<const TokenTrie>(tokens, std::vector<int>{kEnd});
}

bool begins_some(const Language& language, const std::string& text) {
  const auto found = language.lower_bound(text);
  return found != language.end() && found->starts_with(text);
}

/// Says random strings of the language, and holds every mask on the way to the definition.
void expect_exact(const grammar::RulePtr& rule, const Language& language, Rng& rng, const std::string& source) {
  const auto trie = vocabulary_of(language, rng);
  const auto masks = std::make_shared<GrammarMasks>(grammar::compile(rule), trie);
  if (rng.below(2) == 0) masks->prepare(std::chrono::seconds(10));  // which changes nothing
  for (int walk = 0; walk < 4; ++walk) {
    GrammarMatcher matcher(masks, trie->vocab_size());
    std::string said;
    while (!matcher.complete()) {
      const auto mask = matcher.mask();
      std::vector<int> allowed;
      for (int id = 0; id < trie->vocab_size(); ++id) {
        const bool expected =
            id == kEnd ? language.contains(said) : begins_some(language, said + std::string(trie->bytes(id)));
        ASSERT_EQ((mask[size_t(id) / 64] >> (id % 64) & 1) != 0, expected)
            << source << "\nafter " << said << ", token " << id << " " << trie->bytes(id);
        if (expected) allowed.push_back(id);
      }
      const int id = allowed[rng.below(allowed.size())];
      matcher.accept(id);
      if (id == kEnd) break;
      said += trie->bytes(id);
    }
    ASSERT_TRUE(language.contains(said)) << source << "\nended with " << said;
  }
}

TEST(GrammarOracle, RegexesAndGrammars) {
  for (uint64_t seed = 0; seed < (kSanitized ? 60 : 300); ++seed) {
    Rng rng(seed);
    const Written w = random_grammar(rng, 4);
    expect_exact(grammar::regex(w.regex), w.strings, rng, w.regex);
    expect_exact(grammar::gbnf("root ::= " + w.gbnf), w.strings, rng, w.gbnf);
  }
}

TEST(GrammarOracle, Schemas) {
  for (uint64_t seed = 0; seed < (kSanitized ? 60 : 300); ++seed) {
    Rng rng(seed, 1);
    const WrittenSchema w = random_schema(rng, 2);
    expect_exact(grammar::json_schema(w.schema, grammar::JsonSpacing::compact), w.texts, rng, dump_json(w.schema));
  }
}

}  // namespace
}  // namespace dure
