#include "train/data/shard_builder.h"

#include <gmock/gmock.h>

#include <fstream>
#include <set>

#include "base/error.h"
#include "base/json.h"
#include "formats/temporary_folder.h"
#include "text/chat_template.h"
#include "train/data/conversation_tokens.h"
#include "train/data/deepseek_tokenizer.h"
#include "train/data/shard_source.h"

namespace dure {
namespace {

const Tokenizer& plain_tokenizer() {
  static const Tokenizer tokenizer(deepseek_tokenizer(learn_merges({{"hello", 9}, {" hello", 9}}, {})));
  return tokenizer;
}

TEST(ConversationTokens, LearnAnswersAndNothingElse) {
  const Tokenizer& tokenizer = plain_tokenizer();
  const ChatTemplate chat(std::string(deepseek_chat_template()), "test");
  const Json messages = parse_json(
      R"([{"role": "user", "content": "hel<think>"}, {"role": "assistant", "content": "lo</think>"},
          {"role": "user", "content": "1+1"}, {"role": "assistant", "content": "<think>one more</think>2"}])",
      "test");
  const std::vector<TokenizedDocument> documents = conversation_tokens(messages, chat, tokenizer);
  ASSERT_EQ(documents.size(), 1U);
  const auto& [ids, learned] = documents[0];
  ASSERT_EQ(ids.size(), learned.size());
  std::string said, heard;
  for (size_t i = 0; i < ids.size(); ++i) (learned[i] ? said : heard) += tokenizer.token_bytes(ids[i]);
  EXPECT_EQ(said, "lo</think><｜end▁of▁sentence｜>one more</think>2<｜end▁of▁sentence｜>");
  EXPECT_EQ(heard,
            "<｜begin▁of▁sentence｜><｜User｜>hel<think><｜Assistant｜></think><｜User｜>1+1<｜Assistant｜><think>");
  EXPECT_EQ(std::ranges::count(ids, *tokenizer.token_id("</think>")), 2) << "what people type is text";
  EXPECT_EQ(ids.back(), tokenizer.eos_id());
}

TEST(ConversationTokens, OfATemplateThatForgetsReasoningAreSeveralDocuments) {
  const ChatTemplate chat(
      "{% for m in messages %}[{{ m.role }}]{% if loop.last and m.reasoning_content %}({{ m.reasoning_content }})"
      "{% endif %}{{ m.content }}{% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}",
      "test");
  const Json messages = parse_json(
      R"([{"role": "user", "content": "a"}, {"role": "assistant", "content": "b", "reasoning_content": "r"},
          {"role": "user", "content": "c"}, {"role": "assistant", "content": "d"}])",
      "test");
  const Tokenizer& tokenizer = plain_tokenizer();
  const std::vector<TokenizedDocument> documents = conversation_tokens(messages, chat, tokenizer);
  ASSERT_EQ(documents.size(), 2U);
  EXPECT_EQ(tokenizer.decode(documents[0].ids), "[user]a[assistant](r)b");
  EXPECT_EQ(tokenizer.decode(documents[1].ids), "[user]a[assistant]b[user]c[assistant]d");
  EXPECT_EQ(std::ranges::count(documents[1].learned, true), 1);
  EXPECT_THROW(conversation_tokens(parse_json(R"([{"role": "user", "content": "a"}])", "t"), chat, tokenizer), Error);
}

TEST(ShardBuilder, LeavesOutDuplicatesAndHoldsOutByText) {
  TemporaryFolder folder;
  {
    std::ofstream out(folder / "a.jsonl");
    for (int i = 0; i < 400; ++i) out << "{\"text\": \"hello " << i % 300 << "\"}\n";
    out << "broken\n";
  }
  ShardBuilderOptions options;
  options.files = {folder / "a.jsonl"};
  options.held_out = 0.2;
  options.shard_tokens = 500;
  const auto build = [&](const char* name, int threads) {
    ThreadPool pool(threads);
    options.folder = folder / name;
    std::filesystem::create_directory(options.folder);
    return build_shards(options, plain_tokenizer(), {}, nullptr, pool);
  };
  const ShardBuilderReport report = build("one", 1);
  build("two", 3);
  EXPECT_EQ(report.duplicates, 100);
  EXPECT_EQ(report.bad.count, 1);
  EXPECT_EQ(report.train.documents + report.held_out.documents, 300);
  EXPECT_NEAR(static_cast<double>(report.held_out.documents), 60, 25);

  std::set<std::string> texts;
  for (const char* split : {"train", "held-out"}) {
    int64_t documents = 0;
    const ShardSet one = open_shard_set(folder / "one", split, 1), two = open_shard_set(folder / "two", split, 1);
    ASSERT_EQ(one.shards.size(), two.shards.size());
    for (size_t s = 0; s < one.shards.size(); ++s) {
      const TokenShard& shard = one.shards[s];
      documents += shard.documents();
      for (int64_t d = 0; d < shard.documents(); ++d) {
        std::vector<int> ids, other;
        for (int64_t i = shard.begin(d); i < shard.begin(d + 1); ++i)
          ids.push_back(shard.token(i)), other.push_back(two.shards[s].token(i));
        EXPECT_EQ(ids, other);
        EXPECT_EQ(ids.front(), 0);
        EXPECT_EQ(ids.back(), 1);
        texts.insert(plain_tokenizer().decode(ids, true));
      }
    }
    EXPECT_EQ(documents, split == std::string("train") ? report.train.documents : report.held_out.documents);
  }
  EXPECT_EQ(texts.size(), 300U);
}

}  // namespace
}  // namespace dure
