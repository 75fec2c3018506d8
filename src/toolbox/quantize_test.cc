#include "toolbox/quantize.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "backend/registry.h"
#include "base/error_of.h"
#include "base/file.h"
#include "base/json.h"
#include "base/rng.h"
#include "formats/checkpoint.h"
#include "formats/gguf.h"
#include "formats/imatrix.h"
#include "formats/safetensors.h"
#include "formats/temporary_folder.h"

namespace dure {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFixtures = DURE_TESTS_DIR "/fixtures/models/";

Device& device(int threads = 2) {
  static const auto two = make_device({"auto", 2}), one = make_device({"auto", 1});
  return threads == 1 ? *one : *two;
}

QuantizeOptions options(std::string_view type) { return {{find_quant_type(type), {}, {}, {}, false}, {}, {}}; }

bool always(int64_t, int64_t) { return true; }

fs::path write(const fs::path& model, const QuantizeOptions& o, const fs::path& file, int threads = 2) {
  EXPECT_TRUE(Quantizer(model, o, device(threads)).write(file, always));
  return file;
}

/// The file's tensors as float32 must be those of the checkpoint after a round trip through `dtype`.
TEST(Quantizer, WritesWhatTheTableOfDtypesMakesOfTheSource) {
  const TemporaryFolder folder;
  const Gguf file = Gguf::open(write(std::string(kFixtures) + "qwen2-tied", options("q8_0"), folder / "q.gguf"));
  const Safetensors source = Safetensors::open(std::string(kFixtures) + "qwen2-tied/model.safetensors");
  const Gguf::TensorEntry* entry = file.find_tensor("blk.1.ffn_up.weight");
  ASSERT_NE(entry, nullptr);
  EXPECT_EQ(entry->type, "Q8_0");
  const Tensor from = source.load("model.layers.1.mlp.up_proj.weight", device());
  const std::vector<float> values = from.to_floats();
  std::vector<std::byte> expected(entry->data.size());
  const int64_t columns = from.dim(1), bytes = row_bytes(DType::Q8_0, columns);
  for (int64_t r = 0; r < from.dim(0); ++r)
    info(DType::Q8_0).quantise(values.data() + r * columns, nullptr, expected.data() + r * bytes, columns);
  EXPECT_TRUE(std::equal(expected.begin(), expected.end(), entry->data.begin()));
  EXPECT_EQ(file.integer("general.file_type", 0, 100), 7);
  EXPECT_EQ(file.string("tokenizer.ggml.model"), "none");
  EXPECT_EQ(file.find_tensor("output.weight"), nullptr) << "tied to the embedding";
  EXPECT_EQ(file.find_tensor("blk.1.attn_norm.weight")->type, "F32");
}

TEST(Quantizer, ThreadsAndInterruptionsChangeNoByte) {
  const TemporaryFolder folder;
  const std::string model = std::string(kFixtures) + "ds3-tiny";
  const std::string whole = read_file(write(model, options("q4_k_m"), folder / "whole.gguf"));
  EXPECT_EQ(read_file(write(model, options("q4_k_m"), folder / "one.gguf", 1)), whole);

  const fs::path file = folder / "x.gguf";
  const Quantizer quantizer(model, options("q4_k_m"), device());
  EXPECT_EQ(quantizer.bytes(), static_cast<int64_t>(whole.size()));
  int runs = 0;
  for (int64_t reached = 0;; ++runs) {
    ASSERT_LT(runs, 1000);
    int64_t first = -1;
    const bool finished = quantizer.write(file, [&](int64_t done, int64_t total) {
      if (first < 0) first = done;
      EXPECT_EQ(total, quantizer.bytes());
      return done < reached + 40'000;
    });
    if (finished) break;
    EXPECT_FALSE(fs::exists(file));
    EXPECT_GE(first, reached) << "a finished part is not done again";
    if (fs::exists(folder / "x.gguf.partial")) reached = std::max(reached, first);
  }
  EXPECT_GT(runs, 5);
  EXPECT_EQ(read_file(file), whole);
}

TEST(Quantizer, AnotherTypeStartsOver) {
  const TemporaryFolder folder;
  const std::string model = std::string(kFixtures) + "ds3-tiny";
  const fs::path file = folder / "x.gguf";
  EXPECT_FALSE(
      Quantizer(model, options("q8_0"), device()).write(file, [](int64_t done, int64_t) { return done < 300'000; }));
  EXPECT_TRUE(fs::exists(folder / "x.gguf.partial"));
  EXPECT_EQ(read_file(write(model, options("q4_0"), file)),
            read_file(write(model, options("q4_0"), folder / "y.gguf")));
}

TEST(Quantizer, AGgufFileKeepsItsMetadataAndEqualTypes) {
  const TemporaryFolder folder;
  const std::string model = std::string(kFixtures) + "ds3-fp8";
  const fs::path q8 = write(model, options("q8_0"), folder / "q8.gguf");
  EXPECT_EQ(read_file(write(q8, options("q8_0"), folder / "again.gguf")).size(), read_file(q8).size());
  const Gguf a = Gguf::open(q8), b = Gguf::open(folder / "again.gguf");
  for (const Gguf::Value& value : a.metadata()) {
    const Gguf::Value* same = b.find_value(value.key);
    ASSERT_NE(same, nullptr) << value.key;
    EXPECT_TRUE(std::equal(value.bytes.begin(), value.bytes.end(), same->bytes.begin(), same->bytes.end()));
  }
  for (const Gguf::TensorEntry& entry : a.tensors())
    EXPECT_TRUE(std::equal(entry.data.begin(), entry.data.end(), b.find_tensor(entry.name)->data.begin()))
        << entry.name;

  const Quantizer smaller(q8, options("q4_0"), device());
  ASSERT_EQ(smaller.notes().size(), 1u);
  EXPECT_NE(smaller.notes()[0].find("quantised already"), std::string::npos);
  EXPECT_TRUE(smaller.write(folder / "q4.gguf", always));
  EXPECT_EQ(Gguf::open(folder / "q4.gguf").integer("general.file_type", 0, 100), 2);
}

/// Of 4-bit floats every value can be stored again: blocks may differ, numbers not.
TEST(Quantizer, ExpertsOfFourBitFloatsComeBackAsTheyAre) {
  const TemporaryFolder folder;
  const fs::path first = write(std::string(kFixtures) + "ds32-tiny", options("mxfp4_moe"), folder / "fp4.gguf");
  const Gguf file = Gguf::open(first);
  EXPECT_EQ(file.integer("general.file_type", 0, 100), 38);
  EXPECT_EQ(file.find_tensor("blk.1.ffn_up_exps.weight")->type, "MXFP4");
  EXPECT_EQ(file.find_tensor("blk.1.ffn_up_shexp.weight")->type, "Q8_0");
  const auto values = [&](const fs::path& path) {
    const Tensor t = open_checkpoint(path, device())->get("model.layers.1.mlp.experts.3.up_proj.weight").data;
    return std::pair(t.dtype(), t.to_floats());
  };
  const auto [dtype, expert] = values(first);
  EXPECT_EQ(dtype, DType::MXFP4);
  const fs::path wide = write(first, options("f32"), folder / "f32.gguf");
  EXPECT_EQ(values(wide).second, expert);
  EXPECT_EQ(values(write(wide, options("mxfp4_moe"), folder / "again.gguf")).second, expert);
}

TEST(Quantizer, UsesImportance) {
  const TemporaryFolder folder;
  const std::string model = std::string(kFixtures) + "llama2-tiny";
  Imatrix imatrix;
  std::vector<float> squares(64);
  for (size_t i = 0; i < squares.size(); ++i) squares[i] = i % 4 == 0 ? 100.f : 0.01f;
  imatrix.entries["blk.0.ffn_up.weight"] = {squares, {1}};
  write_imatrix(folder / "i.gguf", imatrix, device());
  QuantizeOptions o = options("q4_0");
  const Gguf plain = Gguf::open(write(model, o, folder / "plain.gguf"));
  o.imatrix = folder / "i.gguf";
  const Quantizer quantizer(model, o, device());
  ASSERT_EQ(quantizer.notes().size(), 1u) << "the matrices that it does not know";
  quantizer.write(folder / "weighed.gguf", always);
  const Gguf weighed = Gguf::open(folder / "weighed.gguf");
  const auto same = [&](const char* name) {
    const auto a = plain.find_tensor(name)->data, b = weighed.find_tensor(name)->data;
    return std::equal(a.begin(), a.end(), b.begin(), b.end());
  };
  EXPECT_FALSE(same("blk.0.ffn_up.weight"));
  EXPECT_TRUE(same("blk.0.ffn_gate.weight"));
  EXPECT_EQ(weighed.string("quantize.imatrix.file"), "i.gguf");

  imatrix.entries = {{"blk.0.ffn_up.weight", {{1, 2, 3}, {1}}}};
  write_imatrix(folder / "i.gguf", imatrix, device());
  EXPECT_EQ(error_of([&] { Quantizer(model, o, device()); }),
            (folder / "i.gguf").string() + ": 'blk.0.ffn_up.weight' has 3 columns, but the model's has 64");
}

/// A folder with one dense layer whose tensors are made by `value`.
void write_model(const fs::path& folder, const std::function<float(size_t)>& value) {
  const Json config = {{"model_type", "qwen3"},       {"hidden_size", 32},        {"num_hidden_layers", 1},
                       {"num_attention_heads", 1},    {"num_key_value_heads", 1}, {"intermediate_size", 32},
                       {"tie_word_embeddings", true}, {"vocab_size", 40}};
  write_file_atomically(folder / "config.json", [&](std::ostream& out) { out << dump_json(config); });
  std::vector<std::pair<std::string, Tensor>> tensors;
  const auto add = [&](const char* name, const Shape& shape) {
    std::vector<float> values(static_cast<size_t>(shape.numel()));
    for (size_t i = 0; i < values.size(); ++i) values[i] = value(i);
    tensors.emplace_back(name, Tensor::from(device(), values, shape));
  };
  add("model.embed_tokens.weight", {40, 32});
  add("model.layers.0.mlp.up_proj.weight", {32, 32});
  write_safetensors(folder / "model.safetensors", tensors);
}

TEST(Quantizer, RefusesValuesThatAreNotFinite) {
  const TemporaryFolder folder;
  write_model(folder.path(), [](size_t i) { return i == 70 ? std::numeric_limits<float>::quiet_NaN() : 1.f; });
  const Quantizer quantizer(folder.path(), options("q8_0"), device());
  EXPECT_EQ(error_of([&] { quantizer.write(folder / "x.gguf", always); }),
            "tensor 'token_embd.weight': row 2 has values that are not finite");
  EXPECT_FALSE(fs::exists(folder / "x.gguf.partial"));
}

TEST(Quantizer, NeverWritesOverItsSource) {
  const TemporaryFolder folder;
  write_model(folder.path(), [](size_t) { return 1.f; });
  const fs::path file = write(folder.path(), options("q8_0"), folder / "x.gguf");
  const Quantizer quantizer(file, options("q4_0"), device());
  EXPECT_EQ(error_of([&] { quantizer.write(file, always); }),
            file.string() + ": is the model that is read; write to another file");
}

}  // namespace
}  // namespace dure
