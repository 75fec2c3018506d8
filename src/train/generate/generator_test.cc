#include "train/generate/generator.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "base/json.h"
#include "base/sha256.h"

namespace dure {
namespace {

std::string lines(const std::vector<MixPart>& mix, uint64_t seed, uint64_t count) {
  const Generator generator(mix, Split::train, seed);
  std::string out;
  for (uint64_t i = 0; i < count; ++i) generator.append(i, out);
  return out;
}

const std::vector<MixPart> kEverything = {
    {"stories", Language::en, ItemForm::text, 3},      {"stories", Language::ko, ItemForm::chat, 3},
    {"arithmetic", Language::en, ItemForm::chat, 2},   {"arithmetic", Language::ko, ItemForm::text, 2},
    {"countdown", Language::en, ItemForm::problem, 1}, {"countdown", Language::ko, ItemForm::chat, 1},
    {"dialogue", Language::en, ItemForm::chat, 1},     {"dialogue", Language::ko, ItemForm::chat, 1}};

// The bytes are a promise: a shipped model's data can be made again. A change here means that it cannot.
TEST(Generator, SameBytesOnEveryMachine) {
  Sha256 hash;
  hash.update(lines(kEverything, 1, 2000));
  std::string hex;
  for (const uint8_t byte : hash.digest()) hex += fmt::format("{:02x}", byte);
  EXPECT_EQ(hex, "6e25f890464b1bf7b1bdba195a8c9b694ae435625ce6185ec5bcd7d19a35478c");
}

TEST(Generator, ItemsAreAFunctionOfSeedAndNumber) {
  const Generator a(kEverything, Split::train, 5), b(kEverything, Split::train, 6);
  std::string one, two, other;
  a.append(3, one);
  a.append(17, two);
  std::string again;
  a.append(17, again);
  EXPECT_EQ(two, again);
  EXPECT_NE(one, two);
  b.append(17, other);
  EXPECT_NE(two, other);
}

TEST(Generator, LinesAreRecords) {
  const std::string text = lines(kEverything, 2, 500);
  size_t begin = 0;
  for (size_t end; (end = text.find('\n', begin)) != text.npos; begin = end + 1) {
    const Json record = parse_json(text.substr(begin, end - begin), "line");
    EXPECT_TRUE(record.contains("text") || record.contains("messages") || record.contains("prompt"));
    EXPECT_GT(record["nats"].get<double>(), 0);
    if (record.contains("messages")) {
      EXPECT_EQ(record["messages"].back()["role"], "assistant");
    }
    if (record.contains("prompt") && record["kind"] == "countdown") {
      EXPECT_TRUE(record.contains("target"));
    }
  }
  EXPECT_EQ(begin, text.size());
}

TEST(Generator, MixesAreChecked) {
  const auto parse = [](const char* text) { return parse_mix(parse_json(text, "mix"), "mix"); };
  EXPECT_EQ(parse(R"({"parts": [{"kind": "stories"}, {"kind": "dialogue", "lang": "ko", "weight": 3}]})").size(), 3U);
  for (const char* bad :
       {"{}", "[]", R"({"parts": []})", R"({"parts": [1]})", R"({"parts": [{"kind": "poems"}]})",
        R"({"parts": [{"kind": "stories", "weight": 0}]})", R"({"parts": [{"kind": "stories", "form": "problem"}]})",
        R"({"parts": [{"kind": "dialogue", "form": "text"}]})", R"({"parts": [{"kind": "stories", "lang": "fr"}]})",
        R"({"parts": [{"kind": "stories", "wieght": 2}]})"})
    EXPECT_THROW(parse(bad), Error) << bad;
}

}  // namespace
}  // namespace dure
