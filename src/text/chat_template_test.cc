#include "text/chat_template.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"

namespace dure {
namespace {

const std::filesystem::path kShared = std::filesystem::path(DURE_SHARED_DIR) / "data/chat_templates";

std::string joined(const std::vector<Segment>& segments) {
  std::string out;
  for (const Segment& segment : segments) out += segment.text;
  return out;
}

TEST(ChatTemplate, RendersThePublishedTemplatesByteForByte) {
  std::ifstream lines(kShared / "golden.jsonl");
  if (!lines) GTEST_SKIP() << "skipped: no " << kShared / "golden.jsonl";
  int cases = 0;
  for (std::string line; std::getline(lines, line); ++cases) {
    const Json golden = parse_json(line, "golden.jsonl");
    const auto name = golden["template"].get<std::string>();
    SCOPED_TRACE(name + " " + golden["case"].get<std::string>());
    const ChatTemplate chat(read_file(kShared / "templates" / (name + ".jinja")), name);
    if (golden.contains("error")) {
      try {
        chat.render(golden["context"]);
        ADD_FAILURE() << "the template should have raised an exception";
      } catch (const Error& error) {
        EXPECT_NE(std::string(error.what()).find(golden["error"].get<std::string>()), std::string::npos)
            << error.what();
      }
      continue;
    }
    const std::vector<Segment> segments = chat.render_segments(golden["context"]);
    EXPECT_EQ(joined(segments), golden["rendered"].get<std::string>());
    for (size_t i = 1; i < segments.size(); ++i) EXPECT_NE(segments[i].trusted, segments[i - 1].trusted);
  }
  EXPECT_GT(cases, 0);
}

}  // namespace
}  // namespace dure
