#include "cli/line_buffer.h"

#include <gmock/gmock.h>

namespace dure {
namespace {

using ::testing::ElementsAre;
using Unit = LineBuffer::Unit;

LineBuffer buffer_of(std::string text) {
  LineBuffer buffer;
  buffer.assign(std::move(text));
  return buffer;
}

}  // namespace

TEST(LineBuffer, ErasesWhatAReaderTakesForOneCharacter) {
  struct Case {
    std::string text;
    Unit unit;
    std::string left;
  };
  const Case cases[] = {
      {"한글", Unit::grapheme, "한"},
      {"\u1112\u1161\u11ab\u1100\u1173\u11af", Unit::grapheme, "한"},
      {"a👩‍👩‍👧", Unit::grapheme, "a"},
      {"ne\u0301", Unit::grapheme, "n"},
      {"", Unit::grapheme, ""},
      {"두레 is  here  ", Unit::word, "두레 is  "},
      {"one", Unit::word, ""},
      {"one two", Unit::line, ""},
      {"one\ntwo", Unit::line, "one\n"},
      {"one\n", Unit::grapheme, "one"},
      {"one\n", Unit::word, "one"},
  };
  for (const Case& c : cases) {
    LineBuffer buffer = buffer_of(c.text);
    buffer.erase_left(c.unit);
    EXPECT_EQ(buffer.text(), c.left) << c.text;
    EXPECT_EQ(buffer.cursor(), c.left.size());
  }
}

TEST(LineBuffer, ComposesSyllablesAsTheyAreTyped) {
  LineBuffer buffer;
  for (const char* jamo : {"\u1112", "\u1161", "\u11ab"}) buffer.insert(jamo);
  EXPECT_EQ(buffer.text(), "한");
  buffer.insert("\x1b\xFF\x07!");
  EXPECT_EQ(buffer.text(), "한\uFFFD!");
}

TEST(LineBuffer, MovesByCharacterWordAndLine) {
  LineBuffer buffer = buffer_of("두레 일꾼\nab");
  buffer.move_left(Unit::line);
  EXPECT_EQ(buffer.cursor(), std::string("두레 일꾼\n").size());
  EXPECT_FALSE(buffer.move_down());
  buffer.move_right(Unit::grapheme);
  EXPECT_TRUE(buffer.move_up());  // column 1 lies inside the first syllable
  EXPECT_EQ(buffer.cursor(), 0u);
  buffer.move_right(Unit::word);
  EXPECT_EQ(buffer.cursor(), std::string("두레").size());
  buffer.move_right(Unit::word);
  EXPECT_EQ(buffer.cursor(), std::string("두레 일꾼").size());
  buffer.move_left(Unit::word);
  EXPECT_EQ(buffer.cursor(), std::string("두레 ").size());
  buffer.erase_right(Unit::line);
  EXPECT_EQ(buffer.text(), "두레 \nab");
  buffer.yank();
  EXPECT_EQ(buffer.text(), "두레 일꾼\nab");
  EXPECT_FALSE(buffer.move_up());
}

TEST(LineBuffer, WrapsAtTheEdgeWithoutCuttingASyllable) {
  LineBuffer buffer = buffer_of("가나다라");
  ScreenText screen = lay_out("> ", buffer, 7);
  EXPECT_THAT(screen.rows, ElementsAre("> 가나", "다라"));
  EXPECT_EQ(screen.cursor_row, 1);
  EXPECT_EQ(screen.cursor_column, 4);

  buffer.move_left(Unit::grapheme);
  buffer.move_left(Unit::grapheme);
  screen = lay_out("> ", buffer, 7);  // the cursor stands on 다
  EXPECT_EQ(screen.cursor_row, 1);
  EXPECT_EQ(screen.cursor_column, 0);

  screen = lay_out("> ", buffer_of("ab"), 4);  // a full row: the cursor waits on the next
  EXPECT_THAT(screen.rows, ElementsAre("> ab", ""));
  EXPECT_EQ(screen.cursor_row, 1);

  screen = lay_out("> ", buffer_of("a\n\tb\n"), 20);
  EXPECT_THAT(screen.rows, ElementsAre("> a", "      b", "  "));
  EXPECT_EQ(screen.cursor_column, 2);
}

}  // namespace dure
