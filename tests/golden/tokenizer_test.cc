// Vectors made by other implementations: @huggingface/tokenizers, an independent Python BPE, llama.cpp.
#include "text/tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "formats/gguf.h"
#include "formats/gguf_pre_tokenizers.h"
#include "formats/llama2c_tokenizer.h"
#include "formats/tokenizer_gguf.h"
#include "formats/tokenizer_gguf_writer.h"
#include "formats/tokenizer_json.h"
#include "formats/tokenizer_json_writer.h"
#include "tests/golden/zstd_file.h"

namespace dure {
namespace {

using Ids = std::vector<int>;
namespace fs = std::filesystem;

const fs::path kShared = fs::path(DURE_SHARED_DIR) / "data/tokenizers";

std::string streamed(const Tokenizer& tokenizer, const Ids& ids, bool skip_special) {
  StreamDecoder decoder = tokenizer.stream_decoder(skip_special);
  std::string text;
  for (const int id : ids) text += decoder.push(id);
  return text + decoder.finish();
}

void expect_decodes(const Tokenizer& tokenizer, const Ids& ids, const Json& vector) {
  for (const bool skip_special : {false, true}) {
    const char* key = skip_special ? "decoded_skip_special" : "decoded";
    if (!vector.contains(key)) continue;
    EXPECT_EQ(tokenizer.decode(ids, skip_special), vector[key].get<std::string>());
    EXPECT_EQ(streamed(tokenizer, ids, skip_special), vector[key].get<std::string>());
  }
}

std::string test_name(const testing::TestParamInfo<const char*>& info) {
  std::string name = info.param;
  std::replace_if(
      name.begin(), name.end(), [](char c) { return !std::isalnum(c); }, '_');
  return name;
}

/// The vectors BASE.inp (texts) and BASE.out (a line of ids each), neither adding nor recognising special tokens.
void expect_llama_cpp(const Tokenizer& tokenizer, const fs::path& base) {
  constexpr std::string_view kSeparator = "\n__ggml_vocab_test__\n";
  const std::string texts = read_file(base.string() + ".inp");
  std::istringstream lines(read_file(base.string() + ".out"));
  size_t at = 0;
  for (std::string line; std::getline(lines, line);) {
    const size_t end = std::min(texts.find(kSeparator, at), texts.size());
    const std::string text = texts.substr(at, end - at);
    std::istringstream numbers(line);
    const Ids ids{std::istream_iterator<int>(numbers), {}};
    EXPECT_EQ(tokenizer.encode(text, {.parse_special = false}), ids) << text;
    at = end + kSeparator.size();
  }
  EXPECT_GE(at, texts.size()) << "texts without ids";
}

/// A tokenizer as a GGUF file's metadata give it back.
Tokenizer through_gguf(const TokenizerSpec& spec) {
  GgufWriter writer;
  add_tokenizer(writer, spec, {}, spec.vocab_size(), "");
  const std::string file = writer.bytes();
  return Tokenizer(read_gguf_tokenizer(Gguf::parse(std::as_bytes(std::span(file)), "x.gguf", nullptr)));
}

class SmallTokenizer : public testing::TestWithParam<const char*> {};

TEST_P(SmallTokenizer, MatchesEveryVector) {
  const fs::path folder = fs::path(DURE_TESTS_DIR) / "fixtures/tokenizers" / GetParam();
  const TokenizerSpec spec = read_tokenizer(folder);
  const Tokenizer tokenizer(spec), again = through_gguf(spec);
  const Json golden = parse_json(read_file(folder / "golden.json"), "golden.json");
  for (const Json& vector : golden["cases"]) {
    const auto text = vector["text"].get<std::string>();
    SCOPED_TRACE(text);
    const auto ids = vector["ids"].get<Ids>();
    EXPECT_EQ(tokenizer.encode(text), ids);
    EXPECT_EQ(tokenizer.encode(text, {.add_special = true}), vector["ids_with_special"].get<Ids>());
    EXPECT_EQ(again.encode(text, {.add_special = true}), vector["ids_with_special"].get<Ids>());
    expect_decodes(tokenizer, ids, vector);
  }
}

INSTANTIATE_TEST_SUITE_P(Fixtures, SmallTokenizer,
                         testing::Values("ds2-style", "ds3-style", "llama3-style", "qwen2-style"), test_name);

class PublishedTokenizer : public testing::TestWithParam<const char*> {};

TEST_P(PublishedTokenizer, MatchesEveryVector) {
  const fs::path folder = kShared / GetParam();
  if (!fs::exists(folder)) GTEST_SKIP() << "skipped: no " << folder;
  const TokenizerSpec spec = parse_tokenizer_json(read_zst(folder / "tokenizer.json.zst"), GetParam());
  const Tokenizer tokenizer(spec), again = through_gguf(spec);
  std::istringstream lines(read_file(folder / "golden.jsonl"));
  for (std::string line; std::getline(lines, line);) {
    const Json vector = parse_json(line, "golden.jsonl");
    SCOPED_TRACE(line.substr(0, 300));
    const auto ids = vector["ids"].get<Ids>();
    if (vector.contains("text")) {
      EXPECT_EQ(tokenizer.encode(vector["text"].get<std::string>()), ids);
      EXPECT_EQ(again.encode(vector["text"].get<std::string>()), ids);
    }
    expect_decodes(tokenizer, ids, vector);
  }
}

INSTANTIATE_TEST_SUITE_P(Shared, PublishedTokenizer,
                         testing::Values("deepseek-v3", "deepseek-v4", "deepseek-v4.1", "deepseek-v2", "deepseek-llm",
                                         "qwen2.5", "qwen3", "deepseek-r1-distill-qwen", "llama3.1"),
                         test_name);

TEST(PublishedTokenizers, HaveNamesInGguf) {
  if (!fs::exists(kShared)) GTEST_SKIP() << "skipped: no " << kShared;
  for (const auto& [folder, name] : {std::pair{"deepseek-v3", "deepseek-v3"},
                                     {"deepseek-v2", "deepseek-llm"},
                                     {"qwen3", "qwen2"},
                                     {"llama3.1", "llama-bpe"}}) {
    const TokenizerSpec spec = parse_tokenizer_json(read_zst(kShared / folder / "tokenizer.json.zst"), folder);
    const GgufPreTokenizer* found = find_gguf_pre_tokenizer(spec);
    ASSERT_NE(found, nullptr) << folder;
    EXPECT_EQ(found->name, name);
  }
}

TEST(PublishedConfigs, SayWhetherATextBeginsWithBos) {
  if (!fs::exists(kShared)) GTEST_SKIP() << "skipped: no " << kShared;
  for (const auto& [name, bos, prefix] :
       {std::tuple{"deepseek-v3", 0, Ids{}}, {"deepseek-v2", 100000, Ids{100000}}, {"deepseek-v4", 0, Ids{}}}) {
    SCOPED_TRACE(name);
    TokenizerSpec spec = parse_tokenizer_json(read_zst(kShared / name / "tokenizer.json.zst"), name);
    apply_tokenizer_config(spec, read_file(kShared / name / "tokenizer_config.json"), name);
    EXPECT_EQ(spec.bos_id, bos);
    EXPECT_EQ(spec.prefix, prefix);
    EXPECT_EQ(spec.special_token("eos_token"), "<｜end▁of▁sentence｜>");
  }
}

class GgufTokenizer : public testing::TestWithParam<const char*> {};

TEST_P(GgufTokenizer, MatchesLlamaCpp) {
  const fs::path folder = kShared / "llama.cpp-vocab";
  const std::string name = std::string("ggml-vocab-") + GetParam() + ".gguf";
  if (!fs::exists(folder)) GTEST_SKIP() << "skipped: no " << folder;
  const std::string file = read_zst(folder / (name + ".zst"));
  const Tokenizer tokenizer(read_gguf_tokenizer(Gguf::parse(std::as_bytes(std::span(file)), name, nullptr)));
  expect_llama_cpp(tokenizer, folder / name);
}

INSTANTIATE_TEST_SUITE_P(Shared, GgufTokenizer, testing::Values("deepseek-llm", "deepseek-coder", "gpt-2", "llama-spm"),
                         test_name);

// The tokenizer.json of three models against llama.cpp's vectors of the same vocabulary.
TEST(LlamaCpp, AgreesOnTokenizerJson) {
  const fs::path folder = kShared / "llama.cpp-vocab";
  if (!fs::exists(folder)) GTEST_SKIP() << "skipped: no " << folder;
  for (const auto& [json, vectors] : {std::pair{"qwen2.5", "qwen2"},
                                      {"deepseek-r1-distill-qwen", "deepseek-r1-qwen"},
                                      {"llama3.1", "llama-bpe"},
                                      {"deepseek-llm", "deepseek-llm"}}) {
    SCOPED_TRACE(json);
    const Tokenizer tokenizer(parse_tokenizer_json(read_zst(kShared / json / "tokenizer.json.zst"), json));
    expect_llama_cpp(tokenizer, folder / (std::string("ggml-vocab-") + vectors + ".gguf"));
  }
}

/// A tokenizer as its own tokenizer.json gives it back.
Tokenizer rewritten(const TokenizerSpec& spec) {
  TokenizerSpec copy = parse_tokenizer_json(to_tokenizer_json(spec), "rewritten");
  apply_tokenizer_config(copy, to_tokenizer_config(spec), "rewritten config");
  return Tokenizer(std::move(copy));
}

TEST(Llama2c, MatchesItsOwnPrograms) {
  const fs::path folder = fs::path(DURE_SHARED_DIR) / "data/weights/stories260K";
  if (!fs::exists(folder)) GTEST_SKIP() << "skipped: no " << folder;
  const std::string file = read_file(folder / "tok512.bin");
  const TokenizerSpec spec = parse_llama2c_tokenizer(std::as_bytes(std::span(file)), "tok512.bin");
  const Tokenizer tokenizer(spec), again = rewritten(spec);
  EXPECT_EQ(again.vocab_size(), 512);
  const Json golden = parse_json(read_file(folder / "greedy_golden.json"), "greedy_golden.json");
  for (const Json& run : golden) {
    const auto prompt = run["prompt"].get<std::string>(), text = run["text"].get<std::string>();
    const auto ids = run["input_token_ids_by_position"].get<Ids>();
    for (const Tokenizer* t : {&tokenizer, &again}) {
      const Ids encoded = t->encode(prompt, {.add_special = true});
      EXPECT_THAT(Ids(ids.begin(), ids.begin() + encoded.size()), encoded);
      EXPECT_THAT(text, testing::StartsWith(t->decode(ids, true)));
      EXPECT_EQ(t->encode(text), tokenizer.encode(text));
      EXPECT_EQ(streamed(*t, ids, true), t->decode(ids, true));
    }
  }
}

TEST(TokenizerJsonWriter, GivesAGgufTokenizerBack) {
  const fs::path folder = kShared / "llama.cpp-vocab";
  if (!fs::exists(folder)) GTEST_SKIP() << "skipped: no " << folder;
  for (const char* name : {"deepseek-coder", "llama-spm"}) {
    SCOPED_TRACE(name);
    const fs::path base = folder / (std::string("ggml-vocab-") + name + ".gguf");
    const std::string file = read_zst(base.string() + ".zst");
    const TokenizerSpec spec = read_gguf_tokenizer(Gguf::parse(std::as_bytes(std::span(file)), name, nullptr));
    expect_llama_cpp(rewritten(spec), base);
  }
}

}  // namespace
}  // namespace dure
