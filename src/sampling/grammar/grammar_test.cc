#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "sampling/grammar/compiled_grammar.h"
#include "sampling/grammar/recognizer.h"
#include "sampling/grammar/rule.h"

namespace dure::grammar {
namespace {

bool matches(const RulePtr& rule, std::string_view text) {
  Recognizer recognizer(compile(rule));
  auto at = recognizer.start();
  for (const char c : text) at = recognizer.step(at, uint8_t(c));
  return recognizer.accepting(at);
}

struct Case {
  const char* name;
  RulePtr rule;
  std::vector<std::string> accepted, rejected;
};

const std::vector<Case>& cases() {
  static const std::vector<Case> all{
      {"literal", literal("ab"), {"ab"}, {"", "a", "abc", "b"}},
      {"nothing", literal(""), {""}, {"a"}},
      {"sequence", sequence({literal("a"), optional(literal("b")), literal("c")}), {"ac", "abc"}, {"a", "abbc"}},
      {"choice", choice({literal("a"), literal("ab")}), {"a", "ab"}, {"", "abb"}},
      {"repeat", repeat(literal("ab"), 2, 3), {"abab", "ababab"}, {"", "ab", "abababab", "aba"}},
      {"repeat much",
       repeat(choice({literal("a"), literal("bb")}), 100, 200),
       {std::string(100, 'a'), std::string(200, 'b'), std::string(400, 'b')},
       {std::string(99, 'a'), std::string(201, 'a'), std::string(402, 'b'), std::string(201, 'b')}},
      {"repeat what may be empty",
       repeat(optional(literal("a")), 300, 400),
       {"", "a", std::string(400, 'a')},
       {std::string(401, 'a')}},
      {"until",
       text_until("</a>"),
       {"</a>", "x<</a>", "</</a>", "한</a>"},
       {"", "</a>x", "</a></a>", "\xFF</a>", "</a"}},
      {"regex", regex("a(b|c)*d{2,3}[^x-z]"), {"adda", "abcddd\n", "addd한"}, {"ad", "addx", "adddda "}},
      {"json object",
       json_object(),
       {"{}", R"({"a":1})", R"({ "a": [1, -2.5e3, {"b": null}], "c": "\u0007\n한" })", "{\n  \"a\": true\n}"},
       {"[]", "{ }", R"({"a":01})", "{\"a\":\"\n\"}", R"({"a":1,})", R"({"a" :1})"}},
      {"gbnf",
       gbnf("root ::= expr \"=\" [0-9]+ # sums\nexpr ::= term (\"+\" term)*\nterm ::= [0-9]{1,2} | \"(\" expr \")\"\n"),
       {"1+2=3", "(1+(2))+34=4"},
       {"", "1+=3", "123=3", "(1=1"}},
      {"gbnf, deep to the right",
       gbnf("root ::= \"a\" root | \"b\"\n"),
       {"b", std::string(1000, 'a') + "b"},
       {"a", "bb"}},
      {"gbnf, many readings",
       gbnf("root ::= x\nx ::= \"a\" x \"b\" | \"a\" x \"c\" | \"d\"\n"),
       {"d", "aadbc", std::string(200, 'a') + "d" + std::string(200, 'c')},
       {"ad", "adbb"}},
  };
  return all;
}

TEST(Grammar, ReadsItsLanguage) {
  for (const Case& c : cases()) {
    for (const std::string& text : c.accepted) EXPECT_TRUE(matches(c.rule, text)) << c.name << ": " << text;
    for (const std::string& text : c.rejected) EXPECT_FALSE(matches(c.rule, text)) << c.name << ": " << text;
  }
}

}  // namespace
}  // namespace dure::grammar
