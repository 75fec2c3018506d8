#include "formats/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "base/error_of.h"
#include "base/file.h"
#include "formats/temporary_folder.h"

namespace dure {
namespace {

using ::testing::HasSubstr;

std::string file_of(const std::string& header, const std::string& data) {
  const uint64_t length = header.size();
  std::string file(sizeof(length), '\0');
  std::memcpy(file.data(), &length, sizeof(length));
  return file + header + data;
}

Safetensors parse(const std::string& file) {
  auto owner = std::make_shared<std::string>(file);
  return Safetensors::parse(std::as_bytes(std::span(*owner)), "x.safetensors", owner);
}

std::string parse_error(const std::string& file) {
  return error_of([&] { parse(file); });
}

Device& device() {
  static Device device(std::make_shared<ThreadPool>(1), nullptr);
  return device;
}

TEST(Safetensors, ReadsWhatItWrote) {
  const TemporaryFolder folder;
  const float floats[] = {1, 2, 3, 4, 5, 6};
  const int ints[] = {7, 8, 9};
  Tensor half = Tensor::zeros(device(), DType::BF16, {3});
  half.data<uint16_t>()[1] = float_to_bf16(1.5f);
  write_safetensors(folder / "x.safetensors", {{"half", half},
                                               {"m", Tensor::from(device(), floats, {2, 3})},
                                               {"i", Tensor::from(device(), ints)},
                                               {"none", Tensor::zeros(device(), DType::F32, {0, 4})}});
  const Safetensors file = Safetensors::open(folder / "x.safetensors");
  ASSERT_EQ(file.entries().size(), 4u);
  EXPECT_EQ(file.load("m", device()).to_floats(), (std::vector<float>{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(file.load("m", device()).shape(), (Shape{2, 3}));
  EXPECT_EQ(file.load("i", device()).to_floats(), (std::vector<float>{7, 8, 9}));
  EXPECT_EQ(file.load("half", device()).to_floats(), (std::vector<float>{0, 1.5f, 0}));
  EXPECT_EQ(file.load("none", device()).numel(), 0);
}

TEST(Safetensors, CopiesATensorWhoseAddressDoesNotSuitItsType) {
  const float value = 2.5f;
  const std::string header = R"({"b":{"dtype":"F8_E4M3","shape":[1],"data_offsets":[0,1]},)"
                             R"("f":{"dtype":"F32","shape":[],"data_offsets":[1,5]}})";
  for (size_t pad = 0; pad < 8; ++pad) {
    const Safetensors file =
        parse(file_of(header + std::string(pad, ' '),
                      std::string(1, '\x38') + std::string(reinterpret_cast<const char*>(&value), 4)));
    EXPECT_EQ(file.load("f", device()).to_floats(), std::vector<float>{2.5f});
    EXPECT_EQ(file.load("b", device()).to_floats(), std::vector<float>{1.f});
  }
}

TEST(Safetensors, ListsDtypesItCannotLoad) {
  const Safetensors file = parse(file_of(R"({"d":{"dtype":"F64","shape":[1],"data_offsets":[0,8]},)"
                                         R"("r":{"dtype":"U8","shape":[1,1,1,1,1],"data_offsets":[8,9]}})",
                                         std::string(9, '\0')));
  EXPECT_EQ(file.entries().size(), 2u);
  EXPECT_THROW(file.load("d", device()), Error);
  EXPECT_THROW(file.load("r", device()), Error);
}

TEST(Safetensors, RefusesBadHeadersAndNamesTheTensor) {
  struct Case {
    std::string header, data, message;
  };
  const std::string eight(8, '\0');
  const Case cases[] = {
      {"[]", "", "JSON object"},
      {"{", "", "not valid JSON"},
      {"", "", "not valid JSON"},
      {R"({"a":3})", "", "'a': expected an object"},
      {R"({"a":{"dtype":"F32","shape":[2]}})", eight, "'a': expected an object with"},
      {R"({"a":{"dtype":1,"shape":[2],"data_offsets":[0,8]}})", eight, "dtype to be a string"},
      {R"({"a":{"dtype":"F99","shape":[2],"data_offsets":[0,8]}})", eight, "unknown dtype 'F99'"},
      {R"({"a":{"dtype":"F32","shape":2,"data_offsets":[0,8]}})", eight, "shape to be an array"},
      {R"({"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}})", eight, "whole numbers"},
      {R"({"a":{"dtype":"F32","shape":[2.5],"data_offsets":[0,8]}})", eight, "whole numbers"},
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0]}})", eight, "two positions"},
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[-1,7]}})", eight, "two positions"},
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}})", eight, "bytes 8 to 0 of 8"},
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}})", eight, "bytes 8 to 16 of 8"},
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,18446744073709551615]}})", eight, "of 8 bytes"},
      {R"({"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}})", eight, "does not take the 8 bytes"},
      {R"({"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}})", "",
       "does not take the 0 bytes"},
      {R"({"a":{"dtype":"F64","shape":[1152921504606846976],"data_offsets":[0,0]}})", "", "does not take the 0 bytes"},
      {R"({"a":{"dtype":"F32","shape":[0,4611686018427387904,4],"data_offsets":[0,0]}})", "",
       "does not take the 0 bytes"},
      {R"({"a":{"dtype":"F4","shape":[1],"data_offsets":[0,0]}})", "", "does not take the 0 bytes"},
      {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})", eight, "starts at byte 4"},
      {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", eight, "end at byte 4 of 8"},
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
       eight, "'b': starts at byte 4 of the data, expected 8"},
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{"dtype":"I64","shape":[1],"data_offsets":[0,8]}})",
       eight, "twice"},
      {R"({"a":{"dtype":"F32","dtype":"I64","shape":[1],"data_offsets":[0,8]}})", eight, "twice"},
  };
  for (const Case& c : cases) {
    const std::string message = parse_error(file_of(c.header, c.data));
    EXPECT_THAT(message, HasSubstr(c.message)) << c.header;
    EXPECT_THAT(message, ::testing::StartsWith("x.safetensors: ")) << c.header;
    EXPECT_EQ(message.find('\n'), message.npos);
  }
}

TEST(Safetensors, RefusesEveryTruncationAndSurvivesEveryBitFlip) {
  const std::string file = file_of(R"({"__metadata__":{"k":"a:\"b"},"a:\"":{"dtype":"F16","shape":[2,1],)"
                                   R"("data_offsets":[0,4]},"b":{"dtype":"I32","shape":[1],"data_offsets":[4,8]}})",
                                   "12345678");
  EXPECT_EQ(parse_error(file), "");
  for (size_t n = 0; n < file.size(); ++n) EXPECT_NE(parse_error(file.substr(0, n)), "") << n;
  EXPECT_NE(parse_error(file + "x"), "");
  for (size_t bit = 0; bit < file.size() * 8; ++bit) {
    std::string flipped = file;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ 1 << bit % 8);
    parse_error(flipped);  // any outcome but a crash
  }
}

// --- folders ---

void write_text(const std::filesystem::path& path, const std::string& text) {
  write_file_atomically(path, [&](std::ostream& out) { out << text; });
}

std::string open_error(const std::filesystem::path& folder) {
  try {
    open_checkpoint(folder, device());
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}

TEST(HfFolder, TakesEveryShardWithoutAnIndex) {
  const TemporaryFolder folder;
  write_text(folder / "config.json", R"({"model_type":"llama","eos_token_id":[2,3]})");
  EXPECT_THAT(open_error(folder.path()), HasSubstr("no *.safetensors"));
  const float one[] = {1}, two[] = {2};
  write_safetensors(folder / "a.safetensors", {{"x", Tensor::from(device(), one, {1})}});
  write_safetensors(folder / "b.safetensors", {{"y", Tensor::from(device(), two, {1})}});
  const auto checkpoint = open_checkpoint(folder.path(), device());
  EXPECT_EQ(checkpoint->get("y").data.to_floats(), std::vector<float>{2});
  EXPECT_FALSE(checkpoint->find("z").has_value());
  EXPECT_THROW(checkpoint->get("z"), Error);
  EXPECT_EQ(checkpoint->tensors().size(), 2u);
  EXPECT_EQ(checkpoint->generation().eos_token_ids, (std::vector<int>{2, 3}));
  write_safetensors(folder / "c.safetensors", {{"x", Tensor::from(device(), one, {1})}});
  EXPECT_THAT(open_error(folder.path()), HasSubstr("'x' is in another file"));
}

TEST(HfFolder, ChecksTheIndexAgainstTheShards) {
  const TemporaryFolder folder;
  write_text(folder / "config.json", "{}");
  const float one[] = {1};
  write_safetensors(folder / "a.safetensors", {{"x", Tensor::from(device(), one, {1})}});
  const std::pair<const char*, const char*> cases[] = {
      {R"({"weight_map":{"x":"a.safetensors"}})", ""},
      {R"({"weight_map":{"x":"a.safetensors","y":"a.safetensors"}})", "'y' is not in its shard 'a.safetensors'"},
      {R"({"weight_map":{"x":"b.safetensors"}})", "'x': its shard 'b.safetensors' is missing"},
      {R"({"weight_map":{"x":"../a.safetensors"}})", "not a plain file name"},
      {R"({"weight_map":{"x":"a.safetensors\u0000"}})", "not a plain file name"},
      {R"({"weight_map":{"x":""}})", "expected a file"},
      {R"({"weight_map":{"x":1}})", "expected the name of a shard"},
      {R"({"weight_map":[]})", "'weight_map'"},
      {R"([])", "'weight_map'"},
  };
  for (const auto& [index, message] : cases) {
    write_text(folder / "model.safetensors.index.json", index);
    if (*message == '\0') {
      EXPECT_EQ(open_error(folder.path()), "");
    } else {
      EXPECT_THAT(open_error(folder.path()), HasSubstr(message)) << index;
    }
  }
}

TEST(HfFolder, PairsFp8WithItsScale) {
  const TemporaryFolder folder;
  write_text(folder / "config.json", "{}");
  const Tensor w = Tensor::zeros(device(), DType::F8_E4M3, {129, 128});
  write_safetensors(folder / "model.safetensors", {{"a.weight", w},
                                                   {"a.weight_scale_inv", Tensor::zeros(device(), DType::F32, {2, 1})},
                                                   {"b.weight", w},
                                                   {"b.weight_scale_inv", Tensor::zeros(device(), DType::F32, {1, 1})},
                                                   {"c.weight", w}});
  const auto checkpoint = open_checkpoint(folder.path(), device());
  EXPECT_EQ(checkpoint->get("a.weight").scale.shape(), (Shape{2, 1}));
  EXPECT_THROW(checkpoint->get("b.weight"), Error);
  EXPECT_FALSE(checkpoint->get("c.weight").scale.defined());
}

TEST(HfFolder, OpensEveryGoldenModel) {
  const std::filesystem::path models = std::filesystem::path(DURE_SHARED_DIR) / "fixtures/models";
  if (!std::filesystem::exists(models)) GTEST_SKIP() << "skipped: no shared data";
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(models)) {
    if (!std::filesystem::exists(entry.path() / "config.json")) continue;
    const auto checkpoint = open_checkpoint(entry.path(), device());
    EXPECT_GT(checkpoint->tensors().size(), 3u) << entry.path();
    ++count;
  }
  EXPECT_GT(count, 10);
}

TEST(GenerationConfig, TakesOneEndOrSeveral) {
  const TemporaryFolder folder;
  write_text(folder / "config.json", R"({"eos_token_id":2,"bos_token_id":1})");
  const float one[] = {1};
  write_safetensors(folder / "model.safetensors", {{"x", Tensor::from(device(), one, {1})}});
  write_text(folder / "generation_config.json", R"({"eos_token_id":[5,6],"temperature":0.6,"top_p":0.95,"top_k":40})");
  const auto checkpoint = open_checkpoint(folder.path(), device());
  const GenerationConfig& generation = checkpoint->generation();
  EXPECT_EQ(generation.eos_token_ids, (std::vector<int>{5, 6}));
  EXPECT_EQ(generation.bos_token_id, 1);
  EXPECT_EQ(generation.temperature, 0.6);
  EXPECT_EQ(generation.top_k, 40);
  for (const char* bad : {R"({"eos_token_id":"x"})", R"({"eos_token_id":[-1]})", R"({"temperature":-1})",
                          R"({"top_p":1.5})", R"({"top_k":0.5})", "[]"}) {
    write_text(folder / "generation_config.json", bad);
    EXPECT_THAT(open_error(folder.path()), HasSubstr("generation_config.json")) << bad;
  }
}

}  // namespace
}  // namespace dure
