#include "toolbox/hub/select.h"

#include <gmock/gmock.h>

#include "toolbox/hub/digest.h"

namespace dure {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<HubFile> files(const std::vector<std::string>& paths) {
  std::vector<HubFile> out;
  for (const std::string& path : paths) out.push_back({path, 1, ""});
  return out;
}

std::vector<std::string> chosen(const std::vector<std::string>& paths, const std::vector<std::string>& include = {},
                                const std::vector<std::string>& exclude = {}) {
  std::vector<std::string> out;
  for (const HubFile& f : select_files(files(paths), include, exclude).files) out.push_back(f.path);
  return out;
}

TEST(HubSelectTest, WhatAModelNeeds) {
  EXPECT_THAT(chosen({"README.md", "config.json", "generation_config.json", "model-00001-of-00002.safetensors",
                      "model.safetensors.index.json", "onnx/model.onnx", "original/x.safetensors", "pytorch_model.bin",
                      "tokenizer.json", "tokenizer.model", "x-Q4.gguf", "chat_template.jinja", "sub/config.json"}),
              ElementsAre("config.json", "generation_config.json", "model-00001-of-00002.safetensors",
                          "model.safetensors.index.json", "tokenizer.json", "tokenizer.model", "chat_template.jinja"));
}

TEST(HubSelectTest, ASecondFormOfTheWeightsIsLeftOut) {
  EXPECT_THAT(chosen({"consolidated.safetensors", "model.safetensors"}), ElementsAre("model.safetensors"));
  EXPECT_THAT(chosen({"consolidated.safetensors"}), ElementsAre("consolidated.safetensors"));
}

TEST(HubSelectTest, Patterns) {
  EXPECT_THAT(chosen({"a/b.gguf", "a.txt", "b.txt"}, {"*b*"}), ElementsAre("a/b.gguf", "b.txt"));
  EXPECT_THAT(chosen({"a/b.gguf", "a.txt", "b.txt"}, {"a/", "a.txt"}, {"*.gguf"}), ElementsAre("a.txt"));
  EXPECT_TRUE(matches_glob("a\\b", "a\\b"));
  EXPECT_TRUE(matches_glob(".hidden", "*"));
  EXPECT_FALSE(matches_glob("A", "a"));
}

TEST(HubSelectTest, GgufModels) {
  const std::vector<std::string> paths = {"Q4[x]/m-00002-of-00002.gguf", "Q4[x]/m-00001-of-00002.gguf", "m-Q8_0.gguf",
                                          "mmproj-m.gguf", "m-00001-of-2.gguf"};
  const Selection s = select_files(files(paths), {}, {});
  EXPECT_THAT(s.files, IsEmpty());
  ASSERT_EQ(s.choices.size(), 3U);
  EXPECT_EQ(s.choices[0].path, "Q4[x]/m-00001-of-00002.gguf");
  EXPECT_EQ(s.choices[0].parts, 2);
  EXPECT_EQ(s.choices[0].size, 2);
  EXPECT_EQ(s.choices[2].path, "m-00001-of-2.gguf");
  EXPECT_THAT(chosen(paths, {s.choices[0].pattern}), ElementsAre(paths[0], paths[1]));
  EXPECT_THAT(chosen(paths, {}, {"Q4*", "m-0*"}), ElementsAre("m-Q8_0.gguf"));
}

TEST(HubDigestTest, KnownContents) {
  const struct {
    const char *content, *digest;
  } cases[] = {
      {"", "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"},  // git hash-object /dev/null
      {"hello\n", "ce013625030ba8dba906f756967f9e9ca394464a"},
      {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
      {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
  };
  for (const auto& c : cases) {
    const std::string_view content = c.content;
    ContentDigest digest(c.digest, static_cast<int64_t>(content.size()));
    for (const char byte : content) digest.update({&byte, 1});
    EXPECT_TRUE(digest.matches()) << c.content;
  }
  EXPECT_FALSE(ContentDigest("e69de29bb2d1d6434b8b29ae775ad8c2e48c5391", 1).matches());
}

}  // namespace
}  // namespace dure
