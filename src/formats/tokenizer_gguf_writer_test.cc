#include "formats/tokenizer_gguf_writer.h"

#include <gtest/gtest.h>

#include <map>

#include "base/error_of.h"
#include "formats/gguf_pre_tokenizers.h"
#include "formats/tokenizer_gguf.h"
#include "formats/tokenizer_json.h"

namespace dure {
namespace {

TokenizerSpec fixture(const std::string& name) {
  return read_tokenizer(std::string(DURE_TESTS_DIR "/fixtures/tokenizers/") + name);
}

Gguf parse(const GgufWriter& writer) {
  auto owner = std::make_shared<std::string>(writer.bytes());
  return Gguf::parse(std::as_bytes(std::span(*owner)), "x.gguf", owner);
}

Gguf written(const TokenizerSpec& spec, int vocab_size, const GenerationConfig& generation = {},
             std::string_view pre = "") {
  GgufWriter writer;
  add_tokenizer(writer, spec, generation, vocab_size, pre);
  return parse(writer);
}

std::map<int, std::string> texts_of(const TokenizerSpec& spec) {
  std::map<int, std::string> texts;
  for (size_t id = 0; id < spec.tokens.size(); ++id)
    if (!spec.tokens[id].empty()) texts[static_cast<int>(id)] = spec.tokens[id];
  for (const AddedToken& token : spec.added_tokens) texts[token.id] = token.content;
  return texts;
}

TEST(TokenizerGgufWriter, NamesTheWayOfCuttingWords) {
  const std::pair<const char*, const char*> kCases[] = {{"ds2-style", "deepseek-coder"},
                                                        {"ds3-style", "deepseek-v3"},
                                                        {"llama3-style", "llama-bpe"},
                                                        {"qwen2-style", "qwen2"}};
  for (const auto& [name, pre] : kCases)
    EXPECT_EQ(written(fixture(name), 10000).string("tokenizer.ggml.pre"), pre) << name;
}

TEST(TokenizerGgufWriter, ReadsBackAsTheSameTokenizer) {
  for (const char* name : {"ds2-style", "ds3-style", "llama3-style", "qwen2-style"}) {
    const TokenizerSpec spec = fixture(name);
    const TokenizerSpec back = read_gguf_tokenizer(written(spec, spec.vocab_size() + 3));
    EXPECT_EQ(texts_of(back), texts_of(spec)) << name;
    ASSERT_EQ(back.merges.size(), spec.merges.size()) << name;
    for (size_t i = 0; i < spec.merges.size(); ++i) {
      EXPECT_EQ(back.merges[i].left, spec.merges[i].left);
      EXPECT_EQ(back.merges[i].right, spec.merges[i].right);
    }
    EXPECT_EQ(std::tuple(back.bos_id, back.eos_id, back.pad_id, back.prefix, back.suffix, back.ignore_merges),
              std::tuple(spec.bos_id, spec.eos_id, spec.pad_id, spec.prefix, spec.suffix, spec.ignore_merges))
        << name;
    ASSERT_EQ(back.chat_templates.size(), spec.chat_templates.size()) << name;
    for (size_t i = 0; i < spec.chat_templates.size(); ++i)
      EXPECT_EQ(back.chat_templates[i].text, spec.chat_templates[i].text);
  }
}

TEST(TokenizerGgufWriter, SentencePieceKeepsItsMergesAsScores) {
  TokenizerSpec spec;
  spec.source = "tokenizer.json";
  spec.tokens = {"<unk>", "<s>", "<0x41>", "▁", "a", "b", "ab", "▁ab", "▁a"};
  spec.merges = {{4, 5, 6, 0}, {3, 6, 7, 1}, {3, 4, 8, 2}};
  spec.normalizers.emplace_back(normalizers::Prepend{"▁"});
  spec.normalizers.emplace_back(normalizers::Replace{TextPattern{" "}, "▁"});
  spec.byte_fallback = true;
  spec.unk_id = 0;
  AddedToken bos;
  bos.id = 1;
  bos.content = "<s>";
  bos.special = true;
  spec.added_tokens = {bos};
  spec.tokens[1].clear();
  spec.bos_id = 1;
  spec.prefix = {1};
  const Gguf file = written(spec, 9);
  EXPECT_EQ(file.string("tokenizer.ggml.model"), "llama");
  EXPECT_EQ(file.integers("tokenizer.ggml.token_type", 0, 6), (std::vector<int64_t>{1, 3, 6, 1, 1, 1, 1, 1, 1}));
  const TokenizerSpec back = read_gguf_tokenizer(file);
  ASSERT_EQ(back.merges.size(), 4u) << "every way to a token: ▁a b is one too";
  EXPECT_EQ(back.merges[0].result, 6);
  EXPECT_EQ(back.prefix, spec.prefix);
  EXPECT_EQ(back.normalizers.size(), 2u);
}

TEST(TokenizerGgufWriter, IdsThatEndATextHaveThreePlaces) {
  TokenizerSpec spec = fixture("qwen2-style");
  spec.eos_id = 7;
  GenerationConfig generation;
  generation.eos_token_ids = {5, 7, 9, 11};
  const Gguf file = written(spec, 10000, generation);
  EXPECT_EQ(file.integer("tokenizer.ggml.eos_token_id", 0, 100), 7);
  EXPECT_EQ(file.integer("tokenizer.ggml.eot_token_id", 0, 100), 5);
  EXPECT_EQ(file.integer("tokenizer.ggml.eom_token_id", 0, 100), 9);
}

TEST(TokenizerGgufWriter, SaysWhatDoesNotFit) {
  TokenizerSpec spec = fixture("qwen2-style");
  EXPECT_EQ(error_of([&] { written(spec, 3); }),
            fmt::format("{}: has the id {}, but the model's vocabulary is 3", spec.source, spec.vocab_size() - 1));
  spec.pre_tokenizers.insert(spec.pre_tokenizers.begin(), pre_tokenizers::Split{TextPattern{"x", true}});
  EXPECT_NE(error_of([&] { written(spec, 10000); }).find("name one by --pre"), std::string::npos);
  EXPECT_EQ(written(spec, 10000, {}, "qwen2").string("tokenizer.ggml.pre"), "qwen2");
  EXPECT_EQ(error_of([&] { written(spec, 10000, {}, "mine"); }), "pre-tokenizer 'mine' is not known");
}

TEST(TokenizerGgufWriter, AModelWithoutATokenizerSaysSo) {
  GgufWriter writer;
  add_no_tokenizer(writer, {});
  const Gguf file = parse(writer);
  EXPECT_EQ(error_of([&] { read_gguf_tokenizer(file); }), "x.gguf: the file has no tokenizer");
}

}  // namespace
}  // namespace dure
