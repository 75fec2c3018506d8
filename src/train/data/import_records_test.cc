#include "train/data/import_records.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/error.h"

namespace dure {
namespace {

ImportedRecords imported(const std::string& text, const char* as) {
  const std::filesystem::path file =
      std::filesystem::path(testing::TempDir()) / testing::UnitTest::GetInstance()->current_test_info()->name();
  std::ofstream(file, std::ios::binary) << text;
  return import_records(file, as);
}

TEST(ImportRecords, Books) {
  const ImportedRecords r =
      imported("licence\r\n*** START OF X ***\r\n\r\nOne\r\n  two.\r\n\r\nThree.\r\n*** END\r\nmore", "book");
  EXPECT_EQ(r.lines, "{\"text\":\"One two.\\n\\nThree.\"}\n");
  EXPECT_EQ(
      imported("*** START\n" + std::string(3000, 'a') + "\n\n" + std::string(3000, 'b') + "\n*** END\n", "book").count,
      2);
  EXPECT_THROW(imported("*** START\nno end", "book"), Error);
}

TEST(ImportRecords, WordProblems) {
  const ImportedRecords r = imported(R"({"question": "Half of 48?", "answer": "48/2 = <<48/2=24>>24.\n#### 24"})"
                                     "\n",
                                     "gsm8k");
  EXPECT_EQ(
      r.lines,
      R"({"messages":[{"role":"user","content":"Half of 48?"},{"role":"assistant","reasoning_content":"48/2 = 24.","content":"24"}]})"
      "\n");
  for (const char* bad : {"{}", "[]", R"({"question": "q", "answer": "a"})", "x"})
    EXPECT_THROW(imported(bad, "gsm8k"), Error) << bad;
}

TEST(ImportRecords, QuestionsAndAnswersInCsv) {
  const ImportedRecords r = imported("Q,A,label\r\n\"a, \"\"b\"\"\nc\",d,0\r\ne,f,1\n", "qa-csv");
  EXPECT_EQ(r.count, 2);
  EXPECT_NE(r.lines.find(R"("a, \"b\"\nc")"), std::string::npos) << r.lines;
  for (const char* bad : {"", "A,B\n1,2\n", "Q,A\n1\n", "Q,A\n\"1,2\n"})
    EXPECT_THROW(imported(bad, "qa-csv"), Error) << bad;
}

TEST(ImportRecords, OtherForms) {
  EXPECT_THROW(imported("text", "poem"), Error);
  EXPECT_THROW(imported("\xFF", "book"), Error);
}

}  // namespace
}  // namespace dure
