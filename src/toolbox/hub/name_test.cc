#include "toolbox/hub/name.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace dure {
namespace {

TEST(HubNameTest, Parses) {
  const struct {
    const char *text, *id, *revision;
  } cases[] = {
      {"a/b", "a/b", "main"},
      {"deepseek-ai/DeepSeek-V2-Lite", "deepseek-ai/DeepSeek-V2-Lite", "main"},
      {"a/b.c_d-e:v1.0", "a/b.c_d-e", "v1.0"},
      {"a/b:refs/pr/1", "a/b", "refs/pr/1"},
  };
  for (const auto& c : cases) {
    const HubName name = parse_hub_name(c.text);
    EXPECT_EQ(name.id, c.id);
    EXPECT_EQ(name.revision, c.revision);
    EXPECT_EQ(name.text(), c.text);
  }
}

TEST(HubNameTest, RefusesOthers) {
  for (const char* text :
       {"",       "a",       "/",   "a/",   "/b",     "a/b/c",  "a b/c",    "-a/b",    "a./b",   "a--b/c",
        "a..b/c", "a/b.git", "ä/b", "a/b:", "a/b:..", "a/b:/x", "a/b:x//y", "a/b:x?y", "a/b:\n", "http://a/b"})
    EXPECT_THROW(parse_hub_name(text), Error) << text;
  EXPECT_THROW(parse_hub_name("a/" + std::string(97, 'x')), Error);
  EXPECT_THROW(parse_hub_name("a/b:" + std::string(201, 'x')), Error);
}

TEST(HubNameTest, SafePathsStayBelow) {
  for (const char* path : {"a", "a/b.c", ".a/..b", "두레/a b"}) EXPECT_TRUE(is_safe_path(path)) << path;
  for (const char* path :
       {"", "/", "/a", "a/", "a//b", ".", "..", "a/..", "./a", "a/../b", "a\\b", "a\nb", "\x7f", "a\xc2\x9b", "\xff"})
    EXPECT_FALSE(is_safe_path(path)) << path;
  EXPECT_FALSE(is_safe_path(std::string(256, 'x')));
  EXPECT_FALSE(is_safe_path(std::string_view("a\0b", 3)));
}

}  // namespace
}  // namespace dure
