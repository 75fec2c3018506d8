// DeepSeek-V4.1 prompts with the ids that DeepSeek publishes for them: encoding and tokenizer together.
#include <gtest/gtest.h>

#include "base/json.h"
#include "formats/tokenizer_json.h"
#include "tests/golden/zstd_file.h"
#include "text/encoding/encoding.h"
#include "text/tokenizer.h"

namespace dure {

TEST(PromptIds, OfDeepSeekV41) {
  const std::filesystem::path shared = DURE_SHARED_DIR "/data";
  if (!std::filesystem::exists(shared)) GTEST_SKIP() << "skipped: " << shared << " is not here";
  const std::filesystem::path file = shared / "chat_templates/deepseek-v4.1-prompt-cases.json";
  const Json cases = parse_json(read_file(file), file.string());
  const std::string json = read_zst(shared / "tokenizers/deepseek-v4.1/tokenizer.json.zst");
  const Tokenizer tokenizer(parse_tokenizer_json(json, "tokenizer.json"));
  const auto encoding = make_encoding("deepseek-v4.1");
  int compared = 0;
  for (const Json& c : cases) {
    if (!c.contains("ids")) continue;
    EXPECT_EQ(tokenizer.encode(encoding->render_segments(c["request"])), c["ids"].get<std::vector<int>>()) << c["name"];
    ++compared;
  }
  EXPECT_EQ(compared, 2);
}

}  // namespace dure
