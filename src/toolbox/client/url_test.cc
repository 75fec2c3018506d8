#include "toolbox/client/url.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace dure {
namespace {

TEST(UrlTest, Encodes) {
  EXPECT_EQ(percent_encode("refs/pr/1"), "refs%2Fpr%2F1");
  EXPECT_EQ(percent_encode("a/b c+ü?#%", "/"), "a/b%20c%2B%C3%BC%3F%23%25");
}

TEST(UrlTest, Origins) {
  EXPECT_EQ(origin_of("https://Hub.example/a?b"), "https://hub.example:443");
  EXPECT_EQ(origin_of("https://hub.example:443"), origin_of("https://hub.example"));
  for (const char* other : {"http://hub.example", "https://hub.example:444", "https://hub.example.org",
                            "https://evil/hub.example", "https://sub.hub.example", "https://hub.example@evil/",
                            "https://hub.example%2eevil/", "https://hub.example\\@evil/"})
    EXPECT_NE(origin_of(other), origin_of("https://hub.example")) << other;
  for (const char* none :
       {"", "hub.example", "//hub.example", "file:///etc", "ftp://a", "https://", "https://u@a", "https://u:p@a"})
    EXPECT_EQ(origin_of(none), "") << none;
}

TEST(UrlTest, KnowsThisMachine) {
  for (const char* here : {"http://localhost", "http://LocalHost:8080/v1", "http://a.localhost", "http://127.0.0.1:1",
                           "https://127.9.8.7/x", "http://[::1]:8080"})
    EXPECT_TRUE(is_loopback_url(here)) << here;
  for (const char* other : {"http://127.example", "http://localhost.example", "http://10.127.0.1", "http://[::2]", ""})
    EXPECT_FALSE(is_loopback_url(other)) << other;
}

TEST(UrlTest, FollowsLocations) {
  const struct {
    const char *base, *location, *target;
  } cases[] = {
      {"https://a/b/c?d", "https://x/y?Signature=z", "https://x/y?Signature=z"},
      {"https://a/b/c?d", "/e", "https://a/e"},
      {"https://a/b/c?d", "e", "https://a/b/e"},
      {"https://a/b/c?d", "../e", "https://a/e"},
      {"https://a/b/c?d", "?f", "https://a/b/c?f"},
      {"https://a/b/c?d", "//x/y", "https://x/y"},
      {"http://a:80/b", "https://a/b", "https://a/b"},
  };
  for (const auto& c : cases) EXPECT_EQ(follow_location(c.base, c.location), c.target) << c.location;
  for (const char* location : {"", "http://a/b", "file:///etc/passwd", "ftp://x/", "https://u:p@x/"})
    EXPECT_THROW(follow_location("https://a/b", location), Error) << location;
}

TEST(UrlTest, NextLinks) {
  const struct {
    const char *header, *next;
  } cases[] = {
      {"", ""},
      {R"(<https://a/b?cursor=c>; rel="next")", "https://a/b?cursor=c"},
      {R"(</x>; rel="prev", </y>; rel="next")", "/y"},
      {R"(</y>;rel=next, </z>; rel="last")", "/y"},
      {R"(</x>; rel="prev")", ""},
      {"<", ""},
      {"><", ""},
      {"rel=\"next\"", ""},
  };
  for (const auto& c : cases) EXPECT_EQ(next_link(c.header), c.next) << c.header;
}

}  // namespace
}  // namespace dure
