#include "train/data/deepseek_tokenizer.h"

#include <gmock/gmock.h>

#include "base/json.h"
#include "formats/gguf_pre_tokenizers.h"
#include "formats/tokenizer_json.h"
#include "formats/tokenizer_json_writer.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"
#include "train/data/word_counter.h"

namespace dure {
namespace {

constexpr const char* kText =
    "The cat sat on the mat. The cat said: 2024 mats! 고양이가 매트 위에 앉았다. 고양이가 말했다.\n";

TokenizerSpec trained(int merges, int threads = 1) {
  ThreadPool pool(threads);
  const PreTokenizer cut(deepseek_tokenizer_steps());
  WordCounter counter(cut, pool);
  for (int i = 0; i < 3; ++i) counter.add(kText);
  BpeTrainerOptions options;
  options.merges = merges;
  return deepseek_tokenizer(learn_merges(counter.words(), options));
}

TEST(DeepSeekTokenizer, IsReadBackFromItsFilesAndRoundTrips) {
  TokenizerSpec spec = parse_tokenizer_json(to_tokenizer_json(trained(50)), "tokenizer.json");
  apply_tokenizer_config(spec, to_tokenizer_config(trained(50)), "tokenizer_config.json");
  const Tokenizer tokenizer(spec);
  EXPECT_EQ(tokenizer.vocab_size(), 256 + 64 + 50);
  EXPECT_EQ(tokenizer.bos_id(), 0);
  EXPECT_EQ(tokenizer.eos_id(), 1);
  EXPECT_EQ(tokenizer.token_id("<｜User｜>"), tokenizer.vocab_size() - 12);
  for (const std::string text : {kText, "새로운 글자와 emoji 🙂, tabs\t\n\n  and 漢字 3.14"}) {
    EXPECT_EQ(tokenizer.decode(tokenizer.encode(text)), text);
    EXPECT_EQ(tokenizer.encode(text, {.add_special = true}).front(), 0);
  }
  EXPECT_LT(tokenizer.encode(kText).size(), Tokenizer(trained(0)).encode(kText).size() / 2);
  EXPECT_EQ(tokenizer.encode("2024").size(), 4U) << "a token for each digit";
}

TEST(DeepSeekTokenizer, CutsTextAsDeepSeekDoes) { EXPECT_EQ(find_gguf_pre_tokenizer(trained(0))->name, "deepseek-v3"); }

TEST(DeepSeekTokenizer, DoesNotDependOnThreads) {
  EXPECT_EQ(to_tokenizer_json(trained(50, 1)), to_tokenizer_json(trained(50, 3)));
}

TEST(DeepSeekTokenizer, WritesConversationsAsDeepSeekDoes) {
  const ChatTemplate chat(std::string(deepseek_chat_template()), "test");
  const auto rendered = [&](const char* messages, bool thinking) {
    return chat.render({{"messages", parse_json(messages, "test")},
                        {"bos_token", "<bos>"},
                        {"eos_token", "<eos>"},
                        {"thinking", thinking},
                        {"add_generation_prompt", true}});
  };
  const char* asked = R"([{"role": "system", "content": "Be kind."}, {"role": "user", "content": "1+1?"}])";
  EXPECT_EQ(rendered(asked, false), "<bos>Be kind.<｜User｜>1+1?<｜Assistant｜></think>");
  EXPECT_EQ(rendered(asked, true), "<bos>Be kind.<｜User｜>1+1?<｜Assistant｜><think>");
  EXPECT_EQ(
      rendered(R"([{"role": "user", "content": "1+1?"},
                         {"role": "assistant", "content": "2", "reasoning_content": "One more."},
                         {"role": "user", "content": "Sure?"}, {"role": "assistant", "content": "Yes."},
                         {"role": "user", "content": "Hm"}])",
               false),
      "<bos><｜User｜>1+1?<｜Assistant｜><think>One more.</think>2<eos><｜User｜>Sure?<｜Assistant｜></think>Yes.<eos>"
      "<｜User｜>Hm<｜Assistant｜></think>");
}

}  // namespace
}  // namespace dure
