#include "formats/imatrix.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/error_of.h"
#include "base/file.h"
#include "formats/gguf_writer.h"
#include "formats/temporary_folder.h"

namespace dure {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Device& device() {
  static Device device(std::make_shared<ThreadPool>(1), nullptr);
  return device;
}

template <class... Values>
std::string packed(Values... values) {
  std::string bytes;
  (bytes.append(reinterpret_cast<const char*>(&values), sizeof(values)), ...);
  return bytes;
}

Imatrix parse(const std::string& bytes) { return parse_imatrix(std::as_bytes(std::span(bytes)), "test"); }

std::string parse_error(const std::string& file) {
  return error_of([&] { parse(file); });
}

TEST(ImatrixFile, WritesWhatItReads) {
  const TemporaryFolder folder;
  Imatrix written;
  written.entries["blk.0.attn_q.weight"] = {{8, 2, 0}, {4}};
  written.entries["blk.0.ffn_up_exps.weight"] = {{8, 2, 0, 0, 3, 9}, {2, 0, 3}};
  written.datasets = {"a.txt", "b.txt"};
  written.chunks = 7;
  written.chunk_size = 512;
  write_imatrix(folder / "imatrix.gguf", written, device());

  const Imatrix read = read_imatrix(folder / "imatrix.gguf");
  EXPECT_EQ(read.datasets, written.datasets);
  EXPECT_EQ(read.chunks, 7);
  EXPECT_EQ(read.chunk_size, 512);
  EXPECT_EQ(read.entries.size(), 2);
  EXPECT_THAT(read.find("blk.0.attn_q.weight")->means(), ElementsAre(2, 0.5f, 0));
  EXPECT_THAT(read.find("blk.0.ffn_up_exps.weight")->means(), ElementsAre(4, 1, 1, 1, 1, 3));  // expert 1 met no token
  EXPECT_EQ(read.find("output.weight"), nullptr);
}

TEST(ImatrixFile, ReadsTheOlderKind) {
  const std::string entry = packed(2, 3) + "abc" + packed(10, 2, 5.f, 20.f) + packed(1) + "d" + packed(0, 1, 7.f);
  for (const std::string& tail : {packed(0).substr(4), packed(12), packed(12, 5) + "x.txt"}) {
    const Imatrix read = parse(entry + tail);
    EXPECT_THAT(read.find("abc")->means(), ElementsAre(0.5f, 2));
    EXPECT_THAT(read.find("d")->means(), ElementsAre(7));
    EXPECT_EQ(read.chunks, tail.empty() ? 0 : 12);
    EXPECT_EQ(read.datasets.size(), tail.size() > 4 ? 1 : 0);
  }
}

TEST(ImatrixFile, SaysWhatIsWrong) {
  GgufWriter model, lonely;
  model.add("general.type", "model");
  lonely.add("general.type", "imatrix");
  lonely.add_tensor("w.in_sum2", Tensor::zeros(device(), DType::F32, {1, 4}));
  const std::pair<std::string, const char*> cases[] = {
      {"", "cut short"},
      {packed(0), "neither a GGUF file nor entries"},
      {packed(-1), "neither a GGUF file nor entries"},
      {packed(1, 1000), "cut short"},
      {packed(1, -5), "-5 bytes"},
      {packed(1, 1) + "a" + packed(1, 2000000000), "cut short"},
      {packed(1, 1) + "a" + packed(1, -1), "-1 values"},
      {packed(1, 1) + "a" + packed(1, 1, -1.f), "found -1"},
      {packed(1, 1) + "a" + packed(1, 1, std::nanf("")), "found nan"},
      {packed(2, 1) + "a" + packed(1, 1, 1.f) + packed(1) + "a" + packed(1, 1, 1.f), "twice"},
      {model.bytes(), "a GGUF file of type"},
      {lonely.bytes(), "no counts beside its sums"},
  };
  for (const auto& [bytes, expected] : cases) EXPECT_THAT(parse_error(bytes), HasSubstr(expected));
}

}  // namespace
}  // namespace dure
