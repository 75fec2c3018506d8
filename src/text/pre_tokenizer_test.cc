#include "text/pre_tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "text/normalizer.h"
#include "text/unicode.h"

namespace dure {
namespace {

using pre_tokenizers::Behavior;
using Pieces = std::vector<std::string>;

Pieces pieces(const std::vector<pre_tokenizers::Step>& steps, std::string_view text, bool at_start = true) {
  TokenizerSpec spec;
  spec.pre_tokenizers = steps;
  const auto got = PreTokenizer(spec)(text, at_start);
  return Pieces(got.views.begin(), got.views.end());
}

Pieces split_by(const std::string& regex, std::string_view text, Behavior behavior = Behavior::isolated,
                bool invert = false) {
  return pieces({pre_tokenizers::Split{{regex, true}, behavior, invert}}, text);
}

// The example of Hugging Face's documentation of the behaviours.
TEST(PreTokenizer, SplitBehaviors) {
  const std::string text = "the-final--countdown";
  EXPECT_EQ(split_by("-", text, Behavior::removed), (Pieces{"the", "final", "countdown"}));
  EXPECT_EQ(split_by("-", text, Behavior::isolated), (Pieces{"the", "-", "final", "-", "-", "countdown"}));
  EXPECT_EQ(split_by("-", text, Behavior::merged_with_previous), (Pieces{"the-", "final-", "-", "countdown"}));
  EXPECT_EQ(split_by("-", text, Behavior::merged_with_next), (Pieces{"the", "-final", "-", "-countdown"}));
  EXPECT_EQ(split_by("-", text, Behavior::contiguous), (Pieces{"the", "-", "final", "--", "countdown"}));
  EXPECT_EQ(split_by("\\w+", "a, b", Behavior::removed, true), (Pieces{"a", "b"}));
}

struct RegexCase {
  const char *pattern, *text;
  Pieces expected;
};

TEST(PreTokenizer, RegexDialect) {
  const std::vector<RegexCase> cases = {
      {R"(\s)", "a\u3000b\u180Ec\u0085d\u200Be", {"a", "\u3000", "b\u180Ec", "\u0085", "d\u200Be"}},
      {R"([^\s]+)", "a\u00A0b", {"a", "\u00A0", "b"}},
      {R"([\S]+)", "a b", {"a", " ", "b"}},
      {R"(\h+)", "xabgh", {"x", "ab", "gh"}},
      {R"(\w+)", "한글_1-x\u0301y", {"한글_1", "-", "x\u0301y"}},
      {R"([\w-]+)", "a-b c", {"a-b", " ", "c"}},
      {R"(\u0041|\x{42})", "xAyBz", {"x", "A", "y", "B", "z"}},
      {R"(\p{Han}+)", "a漢字b", {"a", "漢字", "b"}},
      {R"(\p{Letter}+)", "1ab2", {"1", "ab", "2"}},
      {R"(\bfoo\b)", "foo food", {"foo", " food"}},
      {R"(a$)", "a\na", {"a", "\n", "a"}},
      {R"((?i:'s|'t))", "it'S", {"it", "'S"}},
      {R"([^]]+)", "a]b", {"a", "]", "b"}},
      {R"(a++b?+)", "aaab", {"aaab"}},
      {R"(\s+$)", "a \n b \t", {"a", " ", "\n b", " \t"}},
      {R"(\s+$)", "  \n\nx  ", {"  \n", "\nx", "  "}},
      {R"((?=(\d{3})+(?!\d)))", "1234567", {"1", "234", "567"}},
  };
  for (const RegexCase& c : cases) EXPECT_EQ(split_by(c.pattern, c.text), c.expected) << c.pattern;
}

// What the native matcher of \s+$ does is what the expression does.
TEST(PreTokenizer, LineEndSpacesAreTheExpression) {
  for (const char* text : {"a \n", " \n \n", "\n", "x", " ", "a  b", "\n\n ", " \r\n", "\t\na \n b \n\n"})
    EXPECT_EQ(split_by("\\s+$", text), split_by("(?:\\s+$)", text)) << text;
}

TEST(PreTokenizer, RefusesWhatPcreWouldReadDifferently) {
  for (const char* pattern : {"[a[b]]", "[a&&b]", "(", "[z-a]", "a\\", "\\p{", "[\\W]", "(?<=a+)b", "\\p{Nonsense}"})
    EXPECT_THROW(split_by(pattern, "x"), Error) << pattern;
}

TEST(PreTokenizer, CatastrophicPatternsEnd) { EXPECT_THROW(split_by("(?:a|a)*[bc]", std::string(60, 'a')), Error); }

TEST(PreTokenizer, ByteLevelAndMetaspace) {
  using pre_tokenizers::ByteLevel;
  using pre_tokenizers::Metaspace;
  EXPECT_EQ(pieces({ByteLevel{true, true}}, "it's 42"), (Pieces{" it", "'s", " 42"}));
  EXPECT_EQ(pieces({ByteLevel{false, true}}, "a  b\n"), (Pieces{"a", " ", " b", "\n"}));
  const pre_tokenizers::Step digits = pre_tokenizers::Split{{"\\p{N}", true}, Behavior::isolated, false};
  EXPECT_EQ(pieces({ByteLevel{false, false}, digits}, "é 1"), (Pieces{"Ã©Ġ", "1"})) << "later steps see the alphabet";
  const auto metaspace = [](Metaspace::Prepend prepend) { return Metaspace{"▁", prepend, true}; };
  EXPECT_EQ(pieces({metaspace(Metaspace::Prepend::always)}, "a b"), (Pieces{"▁a", "▁b"}));
  EXPECT_EQ(pieces({metaspace(Metaspace::Prepend::never)}, "a  b"), (Pieces{"a", "▁", "▁b"}));
  EXPECT_EQ(pieces({metaspace(Metaspace::Prepend::first)}, "a", true), (Pieces{"▁a"}));
  EXPECT_EQ(pieces({metaspace(Metaspace::Prepend::first)}, "a", false), (Pieces{"a"}));
}

TEST(Normalizer, Steps) {
  const auto normal = [](normalizers::Step step, std::string_view text) {
    TokenizerSpec spec;
    spec.normalizers = {std::move(step)};
    return Normalizer(spec)(text);
  };
  using namespace normalizers;
  EXPECT_EQ(normal(UnicodeForm::nfc, "e\u0301 \u1112\u1161\u11AB \u212B \u0958"), "é 한 Å \u0915\u093C");
  EXPECT_EQ(normal(UnicodeForm::nfd, "é한"), "e\u0301\u1112\u1161\u11AB");
  EXPECT_EQ(normal(UnicodeForm::nfkc, "ﬁ①Å"), "fi1Å");
  EXPECT_EQ(normal(UnicodeForm::nfkd, "ﬁé"), "fie\u0301");
  EXPECT_EQ(normal(UnicodeForm::nfc, "a\u0323\u0307 a\u0307\u0323"), "\u1EA1\u0307 \u1EA1\u0307");
  EXPECT_EQ(normal(Lowercase{}, "ÀΣİ"), "àσi\u0307");
  EXPECT_EQ(normal(Strip{true, true}, "\u3000 a b \n"), "a b");
  EXPECT_EQ(normal(Strip{true, false}, " a "), "a ");
  EXPECT_EQ(normal(Strip{false, true}, "  "), "");
  EXPECT_EQ(normal(Replace{TextPattern{"\\d+", true}, "$0"}, "a12b"), "a$0b");
  EXPECT_EQ(normal(Prepend{"_"}, ""), "");
}

}  // namespace
}  // namespace dure
