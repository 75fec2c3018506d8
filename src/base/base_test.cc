#include <gtest/gtest.h>

#include "base/error.h"
#include "base/json.h"
#include "base/utf8.h"

namespace dure {

TEST(Json, KeepsTheOrderOfTheFile) {
  const Json json = parse_json(R"({"z":1,"a":{"y":2,"b":[true,null]},"m":"두레"})", "test");
  EXPECT_EQ(dump_json(json), R"({"z":1,"a":{"y":2,"b":[true,null]},"m":"두레"})");
}

TEST(Json, FindsKeysInLargeObjects) {
  std::string text = "{";
  for (int i = 0; i < 10000; ++i) text += fmt::format("{}\"k{}\":{}", i ? "," : "", i, i);
  Json json = parse_json(text + "}", "test");
  for (int i = 0; i < 10000; ++i) ASSERT_EQ(json.at(fmt::format("k{}", i)), i);
  json.erase("k5000");
  EXPECT_FALSE(json.contains("k5000"));
  EXPECT_EQ(json.at("k9999"), 9999);
  const Json copy = json;
  EXPECT_EQ(copy.at("k77"), 77);
}

TEST(Json, NamesTheSourceOfAnError) {
  for (const std::string& bad : {std::string("{\"a\": }"), std::string(1000, '['), std::string("\"\xff\"")})
    EXPECT_THROW(
        try { parse_json(bad, "config.json"); } catch (const Error& e) {
          EXPECT_TRUE(std::string(e.what()).starts_with("config.json: ")) << e.what();
          throw;
        },
        Error);
}

TEST(Json, RefusesATreeFarLargerThanItsText) {
  std::string text = "[";
  for (int i = 0; i < 2'000'000; ++i) text += "[],";
  EXPECT_THROW(parse_json(text + "1]", "test"), Error);
}

TEST(Utf8, ReplacesEachMaximalInvalidPart) {
  EXPECT_EQ(sanitize_utf8("a\xF0\x9F\x98z"), "a\uFFFDz");
  EXPECT_EQ(sanitize_utf8("\xC0\x80"), "\uFFFD\uFFFD");
  EXPECT_EQ(sanitize_utf8("\xED\xA0\x80"), "\uFFFD\uFFFD\uFFFD");  // a surrogate: no byte of it is valid
  EXPECT_EQ(sanitize_utf8("두레"), "두레");
}

TEST(Utf8, HoldsBackAnUnfinishedCharacter) {
  EXPECT_EQ(unfinished_utf8("두"), 0u);
  EXPECT_EQ(unfinished_utf8(std::string_view("두").substr(0, 2)), 2u);
  EXPECT_EQ(unfinished_utf8(std::string_view("a\xF0\x9F\x98")), 3u);
  EXPECT_EQ(unfinished_utf8("a\x80\x80\x80"), 0u);  // nothing that follows can repair these
}

}  // namespace dure
