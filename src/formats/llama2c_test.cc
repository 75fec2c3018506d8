#include "formats/llama2c.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "base/error_of.h"
#include "base/json.h"
#include "formats/safetensors.h"
#include "formats/temporary_folder.h"

namespace dure {
namespace {

using ::testing::HasSubstr;

Device& device() {
  static Device device(std::make_shared<ThreadPool>(1), nullptr);
  return device;
}

/// A header, and as many floats 0, 1, 2, ... as are asked for.
std::string file_of(std::vector<int32_t> header, size_t floats) {
  std::string file(reinterpret_cast<const char*>(header.data()), header.size() * 4);
  for (size_t i = 0; i < floats; ++i) {
    const float value = static_cast<float>(i);
    file.append(reinterpret_cast<const char*>(&value), 4);
  }
  return file;
}

Llama2c parse(const std::string& file) {
  auto owner = std::make_shared<std::string>(file);
  return parse_llama2c(std::as_bytes(std::span(*owner)), "x.bin", owner, device());
}

std::string parse_error(const std::string& file) {
  return error_of([&] { parse(file); });
}

// dim 4, hidden 3, 1 layer, 1 head, 1 kv head, 2 tokens, context 2
const std::vector<int32_t> kHeader = {4, 3, 1, 1, 1, 2, 2};
constexpr size_t kFloats = 8 + 4 + 4 * 16 + 4 + 3 * 12 + 4 + 2 * 2 * 2;

TEST(Llama2c, ReordersTheRowsOfQAndK) {
  const Llama2c model = parse(file_of(kHeader, kFloats));
  EXPECT_EQ(model.tensors[2].first, "model.layers.0.self_attn.q_proj.weight");
  const std::vector<float> q = model.tensors[2].second.to_floats();
  const float first = 8 + 4;  // rows 0, 2, 1, 3 of 4 floats
  EXPECT_EQ((std::vector<float>{q[0], q[4], q[8], q[12]}),
            (std::vector<float>{first, first + 8, first + 4, first + 12}));
  EXPECT_EQ(model.config().at("tie_word_embeddings"), true);
}

TEST(Llama2c, NegativeVocabularyHasItsOwnClassifier) {
  std::vector<int32_t> header = kHeader;
  header[5] = -2;
  const Llama2c model = parse(file_of(header, kFloats + 8));
  EXPECT_EQ(model.vocab_size, 2);
  EXPECT_EQ(model.tensors.back().first, "lm_head.weight");
  EXPECT_EQ(model.config().at("tie_word_embeddings"), false);
}

TEST(Llama2c, RefusesSizesThatCannotBe) {
  struct Case {
    int field;
    int32_t value;
    const char* message;
  };
  const Case cases[] = {
      {0, 0, "dim: expected 1"}, {0, 6, "cut short"},       {0, 5, "does not divide"}, {1, -1, "hidden_dim: expected"},
      {2, 1 << 30, "n_layers"},  {3, 3, "does not divide"}, {4, 0, "n_kv_heads"},      {5, INT32_MIN, "vocab_size"},
      {5, 0, "vocab_size"},      {5, 1 << 22, "cut short"}, {6, 1, "16 bytes more"}};
  for (const Case& c : cases) {
    std::vector<int32_t> header = kHeader;
    header[static_cast<size_t>(c.field)] = c.value;
    EXPECT_THAT(parse_error(file_of(header, kFloats)), HasSubstr(c.message)) << c.field << " " << c.value;
  }
  const std::string file = file_of(kHeader, kFloats);
  for (size_t n = 0; n < file.size(); ++n) EXPECT_NE(parse_error(file.substr(0, n)), "") << n;
}

TEST(Llama2c, ConvertsStories260K) {
  const std::filesystem::path given = std::filesystem::path(DURE_SHARED_DIR) / "data/weights/stories260K";
  if (!std::filesystem::exists(given)) GTEST_SKIP() << "skipped: no shared data";
  const TemporaryFolder folder;
  write_hf_folder(open_llama2c(given / "stories260K.bin", device()), folder.path());

  const auto ours = open_checkpoint(folder.path(), device()), expected = open_checkpoint(given, device());
  EXPECT_EQ(dump_json(ours->config()), dump_json(expected->config()));
  ASSERT_EQ(ours->tensors().size(), expected->tensors().size());
  for (const TensorInfo& tensor : expected->tensors()) {
    const Tensor a = ours->get(tensor.name).data, b = expected->get(tensor.name).data;
    ASSERT_EQ(a.shape(), b.shape()) << tensor.name;
    ASSERT_EQ(std::memcmp(a.view().data, b.view().data, static_cast<size_t>(b.bytes())), 0) << tensor.name;
  }
}

}  // namespace
}  // namespace dure
