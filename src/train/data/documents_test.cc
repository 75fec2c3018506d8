#include "train/data/documents.h"

#include <gmock/gmock.h>
#include <lzma.h>
#include <zstd.h>

#include <fstream>

#include "base/error.h"
#include "formats/temporary_folder.h"

namespace dure {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class DocumentFiles : public testing::Test {
 protected:
  std::vector<std::string> read(const char* name, const std::string& bytes, DocumentOptions options = {}) {
    bad_ = {};
    std::ofstream(folder_ / name, std::ios::binary) << bytes;
    DocumentReader reader(folder_ / name, options, bad_);
    std::vector<std::string> texts;
    for (Document document; reader.next(document);)
      texts.push_back(document.messages.empty() ? document.text : document.messages);
    return texts;
  }

  TemporaryFolder folder_;
  BadLines bad_;
};

const std::string kRecords = "{\"text\": \"a\"}\n\n{\"text\": \"\"}\n{\"text\": \"b\\nc\"}\n";

std::string zstd(const std::string& text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 1));
  return out;
}

std::string xz(const std::string& text) {
  std::string out(text.size() + 1000, '\0');
  size_t size = 0;
  EXPECT_EQ(lzma_easy_buffer_encode(1, LZMA_CHECK_CRC64, nullptr, reinterpret_cast<const uint8_t*>(text.data()),
                                    text.size(), reinterpret_cast<uint8_t*>(out.data()), &size, out.size()),
            LZMA_OK);
  out.resize(size);
  return out;
}

TEST_F(DocumentFiles, AreReadPlainOrCompressed) {
  EXPECT_THAT(read("a.jsonl", kRecords), ElementsAre("a", "b\nc"));
  EXPECT_THAT(read("a.jsonl.zst", zstd(kRecords) + zstd(kRecords)), ElementsAre("a", "b\nc", "a", "b\nc"));
  EXPECT_THAT(read("a.jsonl.xz", xz(kRecords)), ElementsAre("a", "b\nc"));
  EXPECT_THAT(read("a.txt", "\none\r\n\ntwo"), ElementsAre("one\n\ntwo"));
  EXPECT_THAT(read("a.txt", "one\n<|end|>\n<|end|>\ntwo\n", {.separator = "<|end|>"}), ElementsAre("one", "two"));
  EXPECT_THAT(read("a.jsonl", R"({"messages": [{"role": "user"}]})"), ElementsAre(R"([{"role":"user"}])"));
  EXPECT_EQ(bad_.count, 0);
}

TEST_F(DocumentFiles, NameTheirBadLines) {
  EXPECT_THAT(read("a.jsonl", "{\"text\": \"a\"}\n{\"text\n[1]\n{\"text\": 3}\n{}\n{\"text\": \"b\"}"),
              ElementsAre("a", "b"));
  EXPECT_EQ(bad_.count, 4);
  EXPECT_THAT(bad_.first, ElementsAre(HasSubstr("a.jsonl:2: "), HasSubstr("a.jsonl:3: expected a JSON object"),
                                      HasSubstr("a.jsonl:4: field 'text'"), HasSubstr("a.jsonl:5: expected a field")));
  EXPECT_THAT(read("a.txt", "a\n\xFF\nb"), ElementsAre("a\nb"));
  EXPECT_THAT(bad_.first, ElementsAre(HasSubstr("a.txt:2: not UTF-8")));
}

TEST_F(DocumentFiles, ThatAreDamagedAreErrors) {
  const std::string packed = zstd(kRecords), other = xz(kRecords);
  EXPECT_THROW(read("a.jsonl.zst", packed.substr(0, packed.size() - 3)), Error);
  EXPECT_THROW(read("a.jsonl.zst", "not packed"), Error);
  EXPECT_THROW(read("a.jsonl.xz", other.substr(0, other.size() - 3)), Error);
  EXPECT_THROW(DocumentReader(folder_ / "none", {}, bad_), Error);
}

TEST_F(DocumentFiles, AreCutWhereTheyWouldNotFitInMemory) {
  std::string long_text;
  for (int i = 0; i < 3; ++i) long_text += std::string(DocumentReader::kMaxDocument / 2, 'a') + '\n';
  EXPECT_EQ(read("a.txt", long_text).size(), 2U);
  EXPECT_TRUE(read("a.txt", std::string(DocumentReader::kMaxDocument + 1, 'a')).empty());
  EXPECT_EQ(bad_.count, 1);
}

}  // namespace
}  // namespace dure
