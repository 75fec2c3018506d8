#include "server/store/search_text.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/utf8.h"

namespace dure {
namespace {

TEST(SearchText, WordsOfAQueryAreFoldedAndNamedOnce) {
  using Words = std::vector<std::string>;
  EXPECT_EQ(query_words("  Hello\u3000WORLD hello\n"), (Words{"hello", "world"}));
  EXPECT_EQ(query_words("엔진"), (Words{"엔진"}));
  EXPECT_EQ(query_words("Straße ΣΟΦΟΣ σοφος"), (Words{"strasse", "σοφοσ"}));
  EXPECT_EQ(query_words("\u1112\u1161\u11ab"), (Words{"한"}));  // jamo, as macOS names files
  EXPECT_EQ(query_words(" \t "), Words{});
  EXPECT_EQ(query_words(""), Words{});
}

TEST(SearchText, ATextHasAllGramsOfEachPartOfItsWords) {
  for (const std::string text :
       {"검색엔진을 만든다", "The quick  brown\tfox", "a", "가 나", "👩‍👩‍👧 ok", "aaaa"}) {
    const std::string folded = fold_for_search(text);
    const std::vector<Gram> grams = grams_of(folded);
    for (size_t begin = 0; begin < folded.size();) {
      for (size_t end = begin; end < folded.size();) {
        next_utf8(folded, end);
        const std::string part = folded.substr(begin, end - begin);
        if (query_words(part) != std::vector{part}) break;  // from here on it has white space
        const std::vector<Gram> wanted = grams_of_word(part);
        EXPECT_TRUE(std::includes(grams.begin(), grams.end(), wanted.begin(), wanted.end())) << text << ": " << part;
      }
      next_utf8(folded, begin);
    }
  }
  const std::vector<Gram> apart = grams_of("ab cd"), joined = grams_of_word("bc");
  EXPECT_FALSE(std::includes(apart.begin(), apart.end(), joined.begin(), joined.end()));
}

TEST(SearchText, NoiseHasOneGram) {
  std::string noise;
  for (char32_t i = 0; i < 300'000; ++i) append_utf8(noise, 0x4E00 + i * i % 20011);
  EXPECT_EQ(grams_of(noise), std::vector<Gram>{kAnyGram});
}

TEST(SearchText, SnippetsStandAroundTheHit) {
  const auto length = [](const std::string& text) {
    int count = 0;
    for (size_t at = 0; at < text.size(); ++count) next_utf8(text, at);
    return count;
  };
  EXPECT_EQ(snippet_around("검색엔진을  만든다\n", "엔진"), "검색엔진을 만든다 ");
  EXPECT_EQ(snippet_around("검색", "엔진"), std::nullopt);
  std::string text;
  for (int i = 0; i < 300; ++i) text += "가";
  const std::string early = *snippet_around("ẞ " + text, "ss");
  EXPECT_EQ(early.substr(0, 4), "ẞ ");
  EXPECT_EQ(length(early), 160);
  EXPECT_TRUE(early.ends_with("가…"));
  const std::string late = *snippet_around(text + "엔진", "엔진");
  EXPECT_TRUE(late.starts_with("…가"));
  EXPECT_TRUE(late.ends_with("가엔진"));
  EXPECT_EQ(length(late), 43);
  const std::string exact(160, 'x');
  EXPECT_EQ(snippet_around(exact, "x"), exact);
  EXPECT_EQ(snippet_around(exact + "y", "x"), exact.substr(1) + "…");
}

}  // namespace
}  // namespace dure
