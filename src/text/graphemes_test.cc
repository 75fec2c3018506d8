#include "text/graphemes.h"

#include <gmock/gmock.h>

#include <string>

namespace dure {

TEST(Graphemes, AreWhatAReaderTakesForOneCharacter) {
  struct Case {
    std::string_view text;
    std::vector<int> widths;
  };
  const Case cases[] = {
      {"", {}},
      {"ab", {1, 1}},
      {"한글", {2, 2}},
      {"\u1112\u1161\u11ab\u1100\u1173\u11af", {2, 2}},  // the same in jamo
      {"\u1112\u1161\u11ab글", {2, 2}},
      {"e\u0301!", {1, 1}},
      {"👩‍👩‍👧x", {2, 1}},
      {"👍🏽", {2}},
      {"🇰🇷🇰🇷", {2, 2}},
      {"❤\uFE0F", {2}},
      {"a\tb\n", {1, 0, 1, 0}},
      {"\r\n", {0}},
      {"中，", {2, 2}},
      {"a\xFF", {1, 1}},
  };
  for (const Case& c : cases) {
    std::vector<int> widths;
    size_t end = 0;
    for (const Grapheme& g : graphemes(c.text)) {
      EXPECT_EQ(g.begin, end);
      end = g.end;
      widths.push_back(g.width);
    }
    EXPECT_EQ(end, c.text.size());
    EXPECT_EQ(widths, c.widths) << c.text;
  }
  EXPECT_EQ(display_width("한글 ok"), 7);
}

}  // namespace dure
