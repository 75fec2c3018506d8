#include "text/tools/json_text.h"

#include <gtest/gtest.h>

namespace dure {
namespace {

TEST(JsonText, StringsAreUnpacked) {
  const struct {
    std::string_view json, text;
  } cases[] = {
      {R"(a\n\t\"\\\/b")", "a\n\t\"\\/b"},
      {R"(\u00e9\ud83d\ude00")", "é😀"},
      {R"(\ud83d!")", "\xEF\xBF\xBD!"},
      {R"(\ude00")", "\xEF\xBF\xBD"},
      {R"(\ud83d\ud83d\ude00")", "\xEF\xBF\xBD😀"},
      {R"(\u12x")", "\xEF\xBF\xBDx"},
      {R"(\q")", "\\q"},
  };
  for (const auto& c : cases) {
    JsonStringReader reader;
    std::string out;
    size_t at = 0;
    while (reader.feed(c.json[at], out)) ++at;
    EXPECT_EQ(out, c.text);
    EXPECT_EQ(at + 1, c.json.size());
  }
}

TEST(JsonText, ValuesEndWhereTheyEnd) {
  using Step = JsonValueReader::Step;
  const struct {
    std::string_view text, out;
    size_t used;
  } cases[] = {
      {R"( {"a": [1, "}"]}, )", R"({"a": [1, "}"]})", 16},
      {R"("a\"b" )", "a\"b", 6},
      {"12, ", "12", 2},
      {"true}", "true", 4},
      {"[]]", "[]", 2},
      {",", "", 0},
  };
  for (const auto& c : cases) {
    JsonValueReader reader;
    std::string out;
    size_t at = 0;
    Step step = Step::more;
    while (step == Step::more) step = reader.feed(c.text[at++], out);
    EXPECT_EQ(out, c.out);
    EXPECT_EQ(step == Step::end ? at : at - 1, c.used) << c.text;
  }
}

TEST(JsonText, ScalarsAreTold) {
  for (const char* text : {"1", "-2.5e3", "true", "null"}) EXPECT_TRUE(is_json_scalar(text)) << text;
  for (const char* text : {"", "word", "\"a\"", "{}", "[1]", "1 2", "01"}) EXPECT_FALSE(is_json_scalar(text)) << text;
  EXPECT_EQ(json_escaped("a\"\\\n\x01é"), R"(a\"\\\n\u0001é)");
}

}  // namespace
}  // namespace dure
