#include "chat/conversation.h"

#include <gmock/gmock.h>

#include <fstream>

#include "base/error.h"
#include "base/json.h"
#include "chat/saved_chat.h"
#include "formats/temporary_folder.h"

namespace dure {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

constexpr int kVocab = 100;

Conversation two_turns() {
  Conversation c;
  c.set_system("Be brief.");
  c.ask("one?");
  c.answer("1", "the first");
  c.ask("둘?");
  c.answer("2", "");
  return c;
}

}  // namespace

TEST(Conversation, GivesTemplatesThoughtsApartFromTheAnswer) {
  EXPECT_EQ(two_turns().messages(), Json::parse(R"([
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "one?"},
    {"role": "assistant", "content": "1", "reasoning_content": "the first"},
    {"role": "user", "content": "둘?"},
    {"role": "assistant", "content": "2"}])"));
}

TEST(Conversation, TakesTurnsAndAnswersBack) {
  Conversation c = two_turns();
  EXPECT_TRUE(c.retract());
  EXPECT_FALSE(c.retract());
  EXPECT_EQ(c.messages().size(), 4u);
  c.answer("two", "");
  EXPECT_TRUE(c.undo());
  EXPECT_TRUE(c.undo());
  EXPECT_FALSE(c.undo());
  EXPECT_EQ(c.messages().size(), 1u);
  c.clear();
  EXPECT_EQ(c.system(), "Be brief.");
}

TEST(Conversation, PutsAFileBeforeTheNextQuestionOnly) {
  Conversation c;
  c.attach("a.txt", "alpha\xFF");
  c.ask("what?");
  c.answer("that", "");
  c.ask("sure?");
  EXPECT_EQ(c.turns()[0].question, "[file name]: a.txt\n[file content begin]\nalpha\uFFFD\n[file content end]\nwhat?");
  EXPECT_EQ(c.turns()[1].question, "sure?");
}

TEST(SavedChat, ComesBackAsItWas) {
  const TemporaryFolder folder;
  const std::filesystem::path file = folder / "chat.json";
  SavedChat saved{two_turns(), {}};
  saved.settings.sampling.temperature = 0.7f;
  saved.settings.sampling.seed = UINT64_MAX;
  saved.settings.stop = {"\n\n"};
  saved.settings.thinking = false;
  save_chat(file, saved);
  const SavedChat loaded = load_chat(file, {}, kVocab);
  EXPECT_EQ(loaded.conversation.messages(), saved.conversation.messages());
  EXPECT_EQ(settings_json(loaded.settings), settings_json(saved.settings));
  EXPECT_EQ(loaded.settings.sampling.temperature, 0.7f);
  EXPECT_EQ(loaded.settings.thinking, false);
}

TEST(SavedChat, SaysWhatIsWrongWithAFile) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"{", "at byte 2"},
      {"[]", "an object with 'messages'"},
      {R"({"messages": 1})", "expected an array 'messages'"},
      {R"({"messages": [1]})", "messages[0]: expected an object"},
      {R"({"messages": [{"role": "user"}]})", "messages[0]: expected a text as 'content'"},
      {R"({"messages": [{"role": "assistant", "content": ""}]})", "role is 'assistant', expected 'user'"},
      {R"({"messages": [{"role": "user", "content": ""}]})", "a question without its answer"},
      {R"({"messages": [{"role": "user", "content": ""}, {"role": "tool", "content": ""}]})", "expected 'assistant'"},
      {R"({"messages": [], "settings": {"top_p": 2}})", "settings: top_p is 2"},
      {R"({"messages": [], "settings": {"colour": 2}})", "settings: there is no setting 'colour'"},
      {R"({"messages": [], "thinking": 3})", "thinking"},
  };
  for (const auto& [text, message] : cases) {
    const TemporaryFolder folder;
    const std::filesystem::path file = folder / "chat.json";
    std::ofstream(file, std::ios::binary) << text;
    EXPECT_THAT([&] { load_chat(file, {}, kVocab); },
                ThrowsMessage<Error>(::testing::AllOf(HasSubstr(file.string()), HasSubstr(message))))
        << text;
  }
}

TEST(Settings, OfAServerAreThoseThatWereChosen) {
  SamplingOverrides given;
  given.temperature = 1.0f;  // what the defaults say, too
  Settings s = chosen_settings(given, {});
  EXPECT_EQ(dump_json(settings_json(s)), R"({"temperature":1.0})");
  change_setting(s, "max_tokens", 7, kVocab);
  change_setting(s, "stop", "END", kVocab);
  EXPECT_EQ(dump_json(settings_json(s)), R"({"temperature":1.0,"max_tokens":7,"stop":["END"]})");
  change_setting(s, "max_tokens", nullptr, kVocab);
  change_setting(s, "stop", nullptr, kVocab);
  EXPECT_EQ(dump_json(settings_json(s)), R"({"temperature":1.0})");
}

TEST(Settings, AreReadAsTyped) {
  Settings s;
  const auto change = [&](std::string_view name, std::string_view text) {
    change_setting(s, name, setting_value(text), kVocab);
  };
  change("temperature", "0.25");
  change("top_k", "40");
  change("max_tokens", "7");
  change("seed", "18446744073709551615");
  change("stop", "\"a\\nb\"");
  EXPECT_EQ(s.sampling.temperature, 0.25f);
  EXPECT_EQ(s.sampling.top_k, 40);
  EXPECT_EQ(s.sampling.max_tokens, 7);
  EXPECT_EQ(s.sampling.seed, UINT64_MAX);
  EXPECT_EQ(s.stop, std::vector<std::string>{"a\nb"});
  change("max_tokens", "none");
  change("stop", "END of it");
  EXPECT_EQ(s.sampling.max_tokens, std::nullopt);
  EXPECT_EQ(s.stop, std::vector<std::string>{"END of it"});

  const std::pair<std::string_view, std::string_view> wrong[] = {
      {"temperature", "-1"}, {"temperature", "warm"}, {"top_k", "1.5"}, {"top_k", "none"}, {"max_tokens", "0"},
      {"seed", "-1"},        {"stop", "\"\""},        {"stop", "[1]"},  {"nothing", "1"},  {"top_k", "1e20"},
  };
  const Json before = settings_json(s);
  for (const auto& [name, text] : wrong) {
    EXPECT_THROW(change(name, text), Error) << name << ' ' << text;
    EXPECT_EQ(settings_json(s), before);
  }
}

}  // namespace dure
