#include "formats/gguf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "base/error_of.h"
#include "formats/gguf_writer.h"
#include "formats/temporary_folder.h"

namespace dure {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Device& device() {
  static Device device(std::make_shared<ThreadPool>(1), nullptr);
  return device;
}

Gguf parse(const std::string& file) {
  auto owner = std::make_shared<std::string>(file);
  return Gguf::parse(std::as_bytes(std::span(*owner)), "x.gguf", owner);
}

std::string open_error(const std::string& file) {
  return error_of([&] { parse(file); });
}

template <class T>
std::string raw(T value) {
  return {reinterpret_cast<const char*>(&value), sizeof(value)};
}
std::string text(std::string_view s) { return raw<uint64_t>(s.size()) + std::string(s); }
std::string head(uint64_t tensors, uint64_t values, uint32_t version = 3) {
  return "GGUF" + raw(version) + raw(tensors) + raw(values);
}

std::string small_file() {
  GgufWriter writer;
  writer.add("general.architecture", "llama");
  writer.add("n", uint32_t{7});
  writer.add("f", 0.5f);
  writer.add("b", true);
  writer.add("tokens", std::vector<std::string>{"a", "두레", ""});
  writer.add("scores", std::vector<float>{1, -2});
  writer.add("types", std::vector<int32_t>{1, -3});
  const float values[] = {1, 2, 3, 4, 5, 6};
  writer.add_tensor("m", Tensor::from(device(), values, {2, 3}));
  writer.add_tensor("q", Tensor::zeros(device(), DType::Q8_0, {1, 32}));
  return writer.bytes();
}

TEST(Gguf, ReadsWhatItWrote) {
  const Gguf file = parse(small_file());
  EXPECT_EQ(file.string("general.architecture"), "llama");
  EXPECT_EQ(file.integer("n", 0, 10), 7);
  EXPECT_EQ(file.number("f"), 0.5);
  EXPECT_EQ(file.number("n"), 7);
  EXPECT_TRUE(file.boolean_or("b", false));
  EXPECT_TRUE(file.boolean_or("none", true));
  EXPECT_EQ(file.integer_or("none", 5, 0, 1), 5);
  EXPECT_THAT(file.strings("tokens"), ElementsAre("a", "두레", ""));
  EXPECT_THAT(file.numbers("scores"), ElementsAre(1, -2));
  EXPECT_THAT(file.integers("types", -9, 9), ElementsAre(1, -3));
  ASSERT_NE(file.find_tensor("m"), nullptr);
  EXPECT_EQ(file.find_tensor("m")->shape, (Shape{2, 3}));
  EXPECT_EQ(file.load(*file.find_tensor("m"), device()).to_floats(), (std::vector<float>{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(file.load(*file.find_tensor("q"), device()).dtype(), DType::Q8_0);
  EXPECT_EQ(file.find_tensor("x"), nullptr);
  EXPECT_EQ(describe(*file.find_value("tokens")), "['a', '두레', ''] (3 string)");
  EXPECT_EQ(describe(*file.find_value("f")), "0.5");
}

TEST(Gguf, NamesFileKeyAndTypeInAccessErrors) {
  const Gguf file = parse(small_file());
  EXPECT_EQ(error_of([&] { file.string("none"); }), "x.gguf: metadata 'none' is missing");
  EXPECT_EQ(error_of([&] { file.string("n"); }), "x.gguf: metadata 'n': expected string, found u32");
  EXPECT_EQ(error_of([&] { file.strings("scores"); }),
            "x.gguf: metadata 'scores': expected an array of string, found an array of f32");
  EXPECT_THAT(error_of([&] { file.integer("f", 0, 1); }), HasSubstr("expected integer, found f32"));
  EXPECT_THAT(error_of([&] { file.integer("n", 0, 6); }), HasSubstr("from 0 to 6, found 7"));
  EXPECT_THAT(error_of([&] { file.integers("types", 0, 6); }), HasSubstr("element 1"));
  EXPECT_THAT(error_of([&] { file.number("tokens"); }), HasSubstr("found an array of string"));
}

TEST(Gguf, RefusesBadFiles) {
  const std::string tensor_q4 = text("t") + raw(1u) + raw<int64_t>(32) + raw(2u);
  const auto f32 = [](const char* name, int64_t n, uint64_t offset) {
    return text(name) + raw(1u) + raw(n) + raw(0u) + raw(offset);
  };
  struct Case {
    std::string file, message;
  };
  const Case cases[] = {
      {"", "not a GGUF file"},
      {"GGML", "not a GGUF file"},
      {head(0, 0, 1), "version 1 is not supported"},
      {head(0, 0, 4), "version 4 is not supported"},
      {head(0, 0, 0x03000000), "big-endian"},
      {head(1ull << 60, 0), "cut short or damaged: 1152921504606846976 tensors"},
      {head(0, ~0ull), "metadata values in"},
      {head(0, 1) + text("k") + raw(99u) + raw(0ull), "'k': unknown type 99"},
      {head(0, 1) + text("k") + raw(8u) + raw(~0ull), "bytes at byte"},
      {head(0, 1) + raw(~0ull) + raw(0ull), "cut short"},
      {head(0, 1) + text("k") + raw(9u) + raw(9u) + raw(1ull) + raw(0ull), "array of arrays"},
      {head(0, 1) + text("k") + raw(9u) + raw(8u) + raw(1ull << 40), "array elements in 0 bytes"},
      {head(0, 1) + text("k") + raw(9u) + raw(5u) + raw(~0ull) + raw(0ull), "array elements in 8 bytes"},
      {head(0, 2) + text("k") + raw(4u) + raw(1u) + text("k") + raw(4u) + raw(1u), "'k' occurs twice"},
      {head(0, 1) + text("general.alignment") + raw(4u) + raw(24u), "24 is not a power of two"},
      {head(0, 1) + text("general.alignment") + raw(4u) + raw(0u), "from 1 to"},
      {head(1, 0) + text("t") + raw(5u) + std::string(60, '\0'), "'t': 5 dimensions"},
      {head(1, 0) + text("t") + raw(1u) + raw<int64_t>(-1) + raw(0u) + raw(0ull), "a dimension of -1"},
      {head(1, 0) + text("t") + raw(2u) + raw(INT64_MAX) + raw(INT64_MAX) + raw(0u) + raw(0ull), "out of range"},
      {head(1, 0) + text("t") + raw(1u) + raw(INT64_MAX) + raw(0u) + raw(0ull), "out of range"},
      {head(1, 0) + text("t") + raw(3u) + raw<int64_t>(0) + raw(INT64_MAX) + raw(INT64_MAX) + raw(0u) + raw(0ull),
       "out of range"},
      {head(1, 0) + text("t") + raw(1u) + raw<int64_t>(1) + raw(77u) + raw(0ull), "unknown type 77"},
      {head(1, 0) + text("t") + raw(1u) + raw<int64_t>(33) + raw(2u) + raw(0ull), "not whole blocks of 32 (Q4_0)"},
      {head(1, 0) + tensor_q4 + raw(1ull) + std::string(64, '\0'), "offset 1 is not a multiple"},
      {head(1, 0) + f32("t", 4, 0), "cut short or damaged"},
      {head(1, 0) + f32("t", 1000, 32) + std::string(90, '\0'), "cut short or damaged"},
      {head(1, 0) + f32("t", 1, ~31ull) + std::string(90, '\0'), "cut short or damaged"},
      {head(2, 0) + f32("t", 1, 0) + f32("t", 1, 32) + std::string(99, '\0'), "'t' occurs twice"},
      {head(2, 0) + f32("t", 9, 0) + f32("u", 9, 32) + std::string(199, '\0'), "'u' overlaps"},
      {head(2, 0) + f32("t", 9, 0) + f32("u", 9, 0) + std::string(199, '\0'), "overlaps"},
  };
  for (const Case& c : cases) {
    const std::string message = open_error(c.file);
    EXPECT_THAT(message, HasSubstr(c.message)) << ::testing::PrintToString(c.file);
    EXPECT_THAT(message, ::testing::StartsWith("x.gguf: "));
  }
}

TEST(Gguf, RefusesEveryTruncationAndSurvivesEveryBitFlip) {
  const std::string file = small_file();
  const size_t last_byte = file.size() - (64 - 34);  // what follows is padding
  for (size_t n = 0; n < last_byte; ++n) EXPECT_NE(open_error(file.substr(0, n)), "") << n;
  EXPECT_EQ(open_error(file.substr(0, last_byte)), "");
  for (size_t bit = 0; bit < file.size() * 8; ++bit) {
    std::string flipped = file;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ 1 << bit % 8);
    open_error(flipped);  // any outcome but a crash
  }
}

TEST(Gguf, OpensAFile) {
  const TemporaryFolder folder;
  GgufWriter writer;
  writer.add("general.architecture", "llama");
  writer.write(folder / "x.gguf");
  EXPECT_EQ(Gguf::open(folder / "x.gguf").string("general.architecture"), "llama");
  EXPECT_EQ(Gguf::open(folder / "x.gguf").tensors().size(), 0u);
}

}  // namespace
}  // namespace dure
