#include "formats/tokenizer_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>

#include "base/error_of.h"
#include "base/json.h"
#include "formats/llama2c_tokenizer.h"
#include "formats/temporary_folder.h"
#include "formats/tokenizer_json_writer.h"

namespace dure {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// A small valid file, with the fields of `changes` (JSON) put over it.
std::string file_with(const std::string& changes = "{}") {
  Json json = Json::parse(R"({
    "added_tokens": [{"id": 4, "content": "<s>", "special": true}],
    "normalizer": null, "pre_tokenizer": null, "decoder": null,
    "post_processor": {"type": "TemplateProcessing",
      "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
      "special_tokens": {"<s>": {"id": "<s>", "ids": [4], "tokens": ["<s>"]}}},
    "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2, "<unk>": 3}, "merges": ["a b"]}})");
  json.merge_patch(Json::parse(changes));
  return json.dump();
}

TEST(TokenizerJson, ReadsVocabularyMergesAndTemplate) {
  const TokenizerSpec spec = parse_tokenizer_json(file_with(), "t.json");
  EXPECT_THAT(spec.tokens, ElementsAre("a", "b", "ab", "<unk>"));
  ASSERT_EQ(spec.merges.size(), 1u);
  EXPECT_EQ(spec.merges[0].result, 2);
  EXPECT_THAT(spec.prefix, ElementsAre(4));
  EXPECT_EQ(spec.vocab_size(), 5);
  EXPECT_FALSE(spec.added_tokens[0].normalized) << "special tokens are not normalised unless the file says so";
  const auto pairs = parse_tokenizer_json(file_with(R"({"model": {"merges": [["a", "b"]]}})"), "t.json");
  EXPECT_EQ(pairs.merges[0].result, 2);
}

struct BadFile {
  const char *changes, *message;
};

TEST(TokenizerJson, EveryMistakeIsOneLine) {
  const std::vector<BadFile> cases = {
      {R"({"model": null})", "t.json: field 'model' is missing"},
      {R"({"model": {"type": "WordPiece"}})", "model.type 'WordPiece'"},
      {R"({"model": {"vocab": []}})", "model.vocab"},
      {R"({"model": {"vocab": {"x": 2000000000}}})", "model.vocab['x']: expected an id"},
      {R"({"model": {"vocab": {"x": -1}}})", "model.vocab['x']"},
      {R"({"model": {"vocab": {"x": 1.5}}})", "model.vocab['x']"},
      {R"({"model": {"vocab": {"x": 1}}})", "have the same id 1"},
      {R"({"model": {"merges": ["a c"]}})", "merge 0 ('a' 'c'): 'c' is not in the vocabulary"},
      {R"({"model": {"merges": ["b a"]}})", "'ba' is not in the vocabulary"},
      {R"({"model": {"merges": ["ab"]}})", "model.merges[0]"},
      {R"({"model": {"merges": [["a", 1]]}})", "model.merges[0]"},
      {R"({"model": {"merges": [["a", "b", "a"]]}})", "model.merges[0]"},
      {R"({"model": {"unk_token": "no"}})", "model.unk_token 'no'"},
      {R"({"model": {"dropout": 0.1}})", "model.dropout"},
      {R"({"model": {"end_of_word_suffix": "</w>"}})", "model.end_of_word_suffix"},
      {R"({"model": {"byte_fallback": "yes"}})", "byte_fallback"},
      {R"({"added_tokens": {}})", "added_tokens"},
      {R"({"added_tokens": [7]})", "added_tokens[0]"},
      {R"({"added_tokens": [{"id": 1, "content": "x"}]})", "which is 'b' in the vocabulary"},
      {R"({"added_tokens": [{"id": 9, "content": "a"}]})", "has id 9 here and 0 in the vocabulary"},
      {R"({"added_tokens": [{"id": 1000000000, "content": "x"}]})", "added_tokens[0]"},
      {R"({"added_tokens": [{"id": 5, "content": "x"}, {"id": 5, "content": "y"}]})", "contradicts"},
      {R"({"added_tokens": [{"id": 5, "content": "x"}, {"id": 6, "content": "x"}]})", "contradicts"},
      {R"({"added_tokens": [{"id": 5, "content": ""}]})", "token 5 is empty"},
      {R"({"normalizer": {"type": "Nmt"}})", "normalizer: type 'Nmt' is not supported"},
      {R"({"normalizer": {"type": "Sequence", "normalizers": [{"type": "Sequence"}]}})",
       "normalizers[0]: field 'normali"},
      {R"({"normalizer": {"type": "Replace", "pattern": "x", "content": ""}})", "normalizer: field 'pattern'"},
      {R"({"pre_tokenizer": {"type": "BertPreTokenizer"}})", "pre_tokenizer: type 'BertPreTokenizer'"},
      {R"({"pre_tokenizer": {"type": "Split", "pattern": {"String": "x"}, "behavior": "Odd"}})", "'Odd'"},
      {R"({"pre_tokenizer": {"type": "Metaspace", "replacement": "xy"}})", "one character"},
      {R"({"decoder": {"type": "CTC"}})", "decoder: type 'CTC'"},
      {R"({"decoder": {"type": "Strip", "content": " ", "start": -1, "stop": 0}})", "'start'"},
      {R"({"post_processor": {"type": "BertProcessing"}})", "post_processor: type 'BertProcessing'"},
      {R"({"post_processor": {"special_tokens": {"<s>": {"ids": ["4"]}}}})", "expected token ids"},
      {R"({"post_processor": {"special_tokens": {"<s>": {"ids": [5]}}}})", "expected token ids"},
      {R"({"post_processor": {"special_tokens": {"<s>": null}}})", "'<s>' is missing"},
  };
  for (const BadFile& c : cases) {
    const std::string error = error_of([&] { parse_tokenizer_json(file_with(c.changes), "t.json"); });
    EXPECT_THAT(error, HasSubstr(c.message)) << c.changes;
    EXPECT_THAT(error, HasSubstr("t.json")) << c.changes;
    EXPECT_EQ(error.find('\n'), error.npos);
  }
}

TEST(TokenizerJson, TruncatedAndDeepFilesFail) {
  const std::string good = file_with();
  for (size_t n = 0; n < good.size(); n += 7)
    EXPECT_THROW(parse_tokenizer_json(good.substr(0, n), "t.json"), Error) << n;
  std::string deep = R"({"type": "NFC"})";
  for (int i = 0; i < 100'000; ++i) deep = R"({"type":"Sequence","normalizers":[)" + deep.substr(0, 20) + "]}";
  EXPECT_THROW(parse_tokenizer_json(deep, "t.json"), Error);
}

TEST(TokenizerConfig, SaysWhatSurroundsAText) {
  const auto prefix = [](const std::string& config) {
    TokenizerSpec spec = parse_tokenizer_json(file_with(), "t.json");
    apply_tokenizer_config(spec, config, "c.json");
    return spec.prefix;
  };
  EXPECT_THAT(prefix(R"({"bos_token": "<s>"})"), ElementsAre(4)) << "the template stands";
  EXPECT_THAT(prefix(R"({"bos_token": "<s>", "add_bos_token": true})"), ElementsAre(4)) << "not twice";
  EXPECT_THAT(prefix(R"({"bos_token": {"content": "<s>"}, "add_bos_token": false})"), ElementsAre());
}

TEST(TokenizerConfig, FolderWithTemplateFileAndAddedTokens) {
  const TemporaryFolder folder;
  const auto write = [&](const char* name, const std::string& text) { std::ofstream(folder.path() / name) << text; };
  write("tokenizer.json", file_with());
  write("tokenizer_config.json", R"({"eos_token": "</s>", "chat_template": [{"name": "default", "template": "old"},
    {"name": "tool_use", "template": "tools"}], "added_tokens_decoder": {"5": {"content": "</s>", "special": true},
    "4": {"content": "<s>", "lstrip": true, "special": true}}})");
  write("special_tokens_map.json", R"({"bos_token": {"content": "<s>"}, "eos_token": "ignored"})");
  write("chat_template.jinja", "new");
  const TokenizerSpec spec = read_tokenizer(folder.path());
  EXPECT_EQ(spec.eos_id, 5);
  EXPECT_EQ(spec.bos_id, 4);
  EXPECT_TRUE(spec.added_tokens[0].lstrip);
  ASSERT_EQ(spec.chat_templates.size(), 2u);
  EXPECT_EQ(spec.chat_templates[0].text, "new");
  EXPECT_EQ(spec.special_token("bos_token"), "<s>");

  write("tokenizer_config.json", R"({"added_tokens_decoder": {"99999999999": {"content": "x"}}})");
  EXPECT_THAT(error_of([&] { read_tokenizer(folder.path()); }), HasSubstr("added_tokens_decoder['99999999999']"));
}

TEST(TokenizerJsonWriter, WritesWhatTheReaderReads) {
  const std::string text = file_with(R"({
    "normalizer": {"type": "Sequence", "normalizers": [{"type": "NFKC"}, {"type": "Lowercase"},
      {"type": "Strip", "strip_left": true, "strip_right": false}, {"type": "Prepend", "prepend": "_"},
      {"type": "Replace", "pattern": {"Regex": "x+"}, "content": "y"}]},
    "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
      {"type": "Split", "pattern": {"String": "-"}, "behavior": "MergedWithNext", "invert": true},
      {"type": "Digits", "individual_digits": true}, {"type": "Metaspace", "replacement": "_", "prepend_scheme": "first"},
      {"type": "ByteLevel", "add_prefix_space": true, "use_regex": false}]},
    "decoder": {"type": "Sequence", "decoders": [{"type": "Replace", "pattern": {"String": "_"}, "content": " "},
      {"type": "ByteFallback"}, {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 2},
      {"type": "Metaspace", "replacement": "_", "prepend_scheme": "never"}]}})");
  const std::string once = to_tokenizer_json(parse_tokenizer_json(text, "t.json"));
  EXPECT_EQ(to_tokenizer_json(parse_tokenizer_json(once, "once")), once);
  EXPECT_THAT(once, HasSubstr("\"MergedWithNext\""));
}

std::string llama2c_file(int longest, const std::vector<std::pair<float, std::string>>& tokens) {
  std::string file(reinterpret_cast<const char*>(&longest), 4);
  for (const auto& [score, text] : tokens) {
    const int length = static_cast<int>(text.size());
    file.append(reinterpret_cast<const char*>(&score), 4).append(reinterpret_cast<const char*>(&length), 4) += text;
  }
  return file;
}

TEST(Llama2cTokenizer, DerivesMergesAndRefusesBrokenFiles) {
  std::vector<std::pair<float, std::string>> tokens = {{0, "<unk>"}, {0, "\n<s>\n"}, {0, "\n</s>\n"}};
  for (int b = 0; b < 256; ++b) tokens.emplace_back(0, fmt::format("<0x{:02X}>", b));
  for (const char* piece : {" a", "aa", " ", "a", "aaa"}) tokens.emplace_back(-float(tokens.size()), piece);
  const auto parse = [](const std::string& file) {
    return parse_llama2c_tokenizer(std::as_bytes(std::span(file)), "t.bin");
  };

  const std::string good = llama2c_file(7, tokens);
  const TokenizerSpec spec = parse(good);
  EXPECT_EQ(spec.tokens[1], "<s>");
  EXPECT_EQ(spec.tokens[259], "▁a");
  ASSERT_EQ(spec.merges.size(), 4u);  // ▁+a, a+a, and aaa in two ways of one rank
  EXPECT_EQ(spec.merges[0].result, 259);
  EXPECT_EQ(spec.merges[2].rank, spec.merges[3].rank);

  for (size_t n = 0; n + 1 < good.size(); n += 5) EXPECT_THROW(parse(good.substr(0, n)), Error) << n;
  EXPECT_THAT(error_of([&] { parse(llama2c_file(0, tokens)); }), HasSubstr("longest token 0"));
  tokens[3].second = "<0x01>";
  EXPECT_THAT(error_of([&] { parse(llama2c_file(7, tokens)); }), HasSubstr("token 3 is '<0x01>'"));
  std::string huge = good;
  const int length = 0x7FFFFFFF;
  std::memcpy(huge.data() + 8, &length, 4);
  EXPECT_THAT(error_of([&] { parse(huge); }), HasSubstr("token 0 has length 2147483647"));
}

}  // namespace
}  // namespace dure
