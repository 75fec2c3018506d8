#include "train/generate/korean.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "train/generate/phrase.h"

namespace dure {
namespace {

TEST(KoreanParticle, FollowsTheLastSound) {
  struct Case {
    const char *word, *particle, *expected;
  };
  constexpr Case kCases[] = {{"토끼", "은", "는"},
                             {"곰", "은", "은"},
                             {"지우", "이", "가"},
                             {"공", "이", "이"},
                             {"사과", "을", "를"},
                             {"떡", "을", "을"},
                             {"여우", "과", "와"},
                             {"빵", "과", "과"},
                             {"놀이터", "으로", "로"},
                             {"공원", "으로", "으로"},
                             {"들", "으로", "로"},
                             {"하준", "아", "아"},
                             {"지우", "아", "야"},
                             {"서연", "이라는", "이라는"},
                             {"수아", "이라는", "라는"},
                             {"연필", "이에요", "이에요"},
                             {"모자", "이에요", "예요"},
                             {"곰", "이었어요", "이었어요"},
                             {"오후", "이었어요", "였어요"},
                             {"3", "을", "을"},
                             {"4", "을", "를"},
                             {"10", "은", "은"},
                             {"7", "으로", "로"},
                             {"21", "은", "은"},
                             {"100", "으로", "으로"},
                             {"2", "과", "와"}};
  for (const Case& c : kCases) EXPECT_EQ(korean_particle(c.word, c.particle), c.expected) << c.word;
  EXPECT_THROW(korean_particle("곰", "는"), Error);
}

TEST(Slots, ArticlesParticlesAndCapitals) {
  Slots slots;
  slots.set("he", "she");
  slots.set("thing", "orange ball");
  slots.set("name", "하준이");
  std::string out;
  slots.fill("{he} saw {thing|a}. {He} took it.", out);
  EXPECT_EQ(out, "She saw an orange ball. She took it.");
  out.clear();
  slots.fill("\"crash!\" {thing|A} fell.", out);
  EXPECT_EQ(out, "\"Crash!\" An orange ball fell.");
  out.clear();
  slots.fill("{name|은} {name|과}", out);
  EXPECT_EQ(out, "하준이는 하준이와");
  EXPECT_THROW(slots.fill("{nobody}", out), Error);
  EXPECT_THROW(slots.fill("{he", out), Error);
}

}  // namespace
}  // namespace dure
