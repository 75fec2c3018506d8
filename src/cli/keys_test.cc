#include "cli/keys.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

namespace dure {

TEST(Keys, AreDecodedHoweverTheirBytesArrive) {
  using Presses = std::vector<std::pair<Key, std::string>>;
  struct Case {
    std::string bytes;
    Presses presses;
  };
  const Case cases[] = {
      {"\x1b[A\x1b[B\x1bOC", {{Key::up, ""}, {Key::down, ""}, {Key::right, ""}}},
      {"\x1b[1;5D\x1b[3~\x1b[99;7x", {{Key::word_left, ""}, {Key::erase_right, ""}, {Key::none, ""}}},
      {"\x03\x04\x17", {{Key::interrupt, ""}, {Key::end_of_file, ""}, {Key::erase_word_left, ""}}},
      {"\x1b\r\r", {{Key::line_break, ""}, {Key::enter, ""}}},
      {"\x1b[200~a\r\nb\rc\x1b[201~\r", {{Key::paste, "a\nb\nc"}, {Key::enter, ""}}},
      {"한\x7f", {{Key::text, "한"}, {Key::erase_left, ""}}},
  };
  for (const Case& c : cases)
    for (const size_t step : {1, 2, 100}) {
      KeyDecoder decoder;
      Presses presses;
      for (size_t at = 0; at < c.bytes.size(); at += step) {
        decoder.feed(std::string_view(c.bytes).substr(at, step));
        while (auto press = decoder.next(false)) presses.emplace_back(press->key, press->text);
      }
      EXPECT_EQ(presses, c.presses) << "step " << step;
      EXPECT_FALSE(decoder.waits());
    }
}

TEST(Keys, AnEscapeAloneMeansNothing) {
  KeyDecoder decoder;
  decoder.feed("\x1b");
  EXPECT_FALSE(decoder.next(false));
  EXPECT_EQ(decoder.next(true)->key, Key::none);
  EXPECT_FALSE(decoder.waits());
}

}  // namespace dure
