#include "chat/replaying_renderer.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/file.h"
#include "base/json.h"
#include "chat/prompt_messages.h"
#include "formats/temporary_folder.h"
#include "text/chat_template.h"
#include "text/encoding/encoding.h"
#include "text/tools/answer_parser.h"

namespace dure {
namespace {

const std::filesystem::path kTemplates = std::filesystem::path(DURE_SHARED_DIR) / "data/chat_templates/templates";

TEST(ToolCallMemory, ForgetsWhatWasNotAskedForTheLongest) {
  ToolCallMemory memory(1000);
  memory.remember({"a", "b"}, std::string(200, 'x'));
  memory.remember({"c"}, "y");
  const std::string ab[] = {"a", "b"}, a[] = {"a"}, ba[] = {"b", "a"}, c[] = {"c"}, d[] = {"d"};
  EXPECT_EQ(memory.recall(ab).size(), 200);
  EXPECT_EQ(memory.recall(a), "");
  EXPECT_EQ(memory.recall(ba), "");
  memory.remember({"d"}, std::string(400, 'z'));
  EXPECT_EQ(memory.recall(c), "");
  EXPECT_EQ(memory.recall(ab).size(), 200);
  EXPECT_EQ(memory.recall(d).size(), 400);
  memory.remember({"e"}, std::string(2000, 'z'));
  EXPECT_EQ(memory.recall(d).size(), 400);
}

TEST(ToolCallMemory, OutlastsARestart) {
  const TemporaryFolder folder;
  const std::filesystem::path file = folder / "calls.json";
  const std::string a[] = {"a"}, bc[] = {"b", "c"}, big[] = {"big"};
  const std::string text = "<call>\n \"\u00e9\\";
  {
    ToolCallMemory memory(16 << 20, file);
    memory.remember({"a"}, text);
    memory.save(std::chrono::hours(1));
    EXPECT_FALSE(std::filesystem::exists(file));  // too soon
    memory.save({});
    memory.remember({"b", "c"}, "more");
  }
  {
    ToolCallMemory memory(16 << 20, file);
    EXPECT_EQ(memory.recall(a), text);
    EXPECT_EQ(memory.recall(bc), "more");
    memory.remember({"big"}, std::string(5 << 20, 'x'));  // more than the file is to hold
    EXPECT_EQ(memory.recall(bc), "more");
  }
  EXPECT_LT(std::filesystem::file_size(file), size_t{5} << 20);
  EXPECT_EQ(ToolCallMemory(16 << 20, file).recall(bc), "more");
  EXPECT_EQ(ToolCallMemory(16 << 20, file).recall(big), "");

  const std::string whole = read_file(file);
  for (size_t length = 0; length < whole.size(); ++length) {
    std::ofstream(file, std::ios::binary) << whole.substr(0, length);
    EXPECT_EQ(ToolCallMemory(16 << 20, file).recall(bc), "");
  }
  for (const char* other : {"[]", "{}", R"({"calls":{}})", R"({"calls":[1]})", R"({"calls":[{"ids":1,"text":2}]})"}) {
    std::ofstream(file, std::ios::binary) << other;
    EXPECT_EQ(ToolCallMemory(16 << 20, file).recall(bc), "") << other;
  }
  ToolCallMemory(1000, "/dev/null/nowhere").remember({"a"}, "x");
}

TEST(ToolCallMemory, MakesIdsOfTheirOwn) {
  const std::string id = new_call_id();
  EXPECT_EQ(id.size(), 29);
  EXPECT_TRUE(id.starts_with("call_"));
  EXPECT_NE(id, new_call_id());
}

/// What a client sends back of an answer with one call to f and one to g.
constexpr std::string_view kConversation = R"([
  {"role": "user", "content": "<tool_call> <｜DSML｜tool_calls> }"},
  {"role": "assistant", "content": "Hm.", "tool_calls": [
    {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{\"a\":1,\"b\":\"<x>\"}"}},
    {"id": "2", "type": "function", "function": {"name": "g", "arguments": "{}"}}]},
  {"role": "tool", "tool_call_id": "1", "content": "one"}, {"role": "tool", "tool_call_id": "2", "content": "two"}])";

/// The block as a model may have sampled it: the same calls, written otherwise.
std::string sampled(const ToolFormat& format) {
  const ToolCallText calls[] = {{"f", R"({ "b": "\u003cx>",   "a": 1 })"}, {"g", "{ }"}};
  return write_tool_calls(format, calls);
}

void expect_replay(const PromptRenderer& renderer, std::string_view source, const std::string& name) {
  SCOPED_TRACE(name);
  const ToolFormat& format = detect_tool_format(source);
  const TemplateTraits traits = probe_template(renderer);
  if (!traits.calls || !traits.parallel_calls || !traits.text_and_calls) return;
  const Json messages = parse_json(kConversation, "messages");
  const std::string text = sampled(format);
  Json context{{"messages", prompt_messages(messages, nullptr, {&format, traits}).messages}, {"bos_token", ""}};
  context["add_generation_prompt"] = true;
  ToolCallMemory memory;
  const ReplayingRenderer replaying(renderer, format, memory);
  const std::string plain = renderer.render(context);
  EXPECT_EQ(replaying.render(context), plain) << "nothing is known yet";

  memory.remember({"1", "2"}, text);
  const std::string prompt = replaying.render(context);
  EXPECT_NE(prompt.find(text), std::string::npos) << prompt;
  EXPECT_NE(prompt, plain);
  // Around the block nothing changes.
  const size_t at = prompt.find(text);
  EXPECT_EQ(prompt.substr(0, at), plain.substr(0, at));
  const std::string rest = prompt.substr(at + text.size());
  EXPECT_TRUE(plain.ends_with(rest)) << rest;

  context["messages"][1]["tool_calls"][1]["function"]["name"] = "h";
  EXPECT_EQ(replaying.render(context), renderer.render(context)) << "the client changed the call";
}

TEST(ReplayingRenderer, RendersCallsAsTheyWereSampled) {
  expect_replay(
      ChatTemplate("{% for m in messages %}<|{{ m.role }}|>{{ m.content }}{% for c in m.tool_calls %}\n<tool_call>\n"
                   "{\"name\": \"{{ c.function.name }}\", \"arguments\": {{ c.function.arguments | tojson }}}\n"
                   "</tool_call>{% endfor %}{% endfor %}",
                   "t"),
      "<tool_call>", "small");
  for (const char* name : {"deepseek-v3.2", "deepseek-v4", "deepseek-v4.1"})
    expect_replay(*make_encoding(name), name, name);
  if (!std::filesystem::exists(kTemplates)) GTEST_SKIP() << "skipped: no " << kTemplates;
  for (const auto& entry : std::filesystem::directory_iterator(kTemplates)) {
    const std::string source = read_file(entry.path());
    expect_replay(ChatTemplate(source, entry.path().filename()), source, entry.path().filename());
  }
}

TEST(ReplayingRenderer, TrustsTheFormatsMarkupAndNothingElse) {
  const ChatTemplate renderer(
      "{% for m in messages %}{% for c in m.tool_calls %}<tool_call>{\"name\": \"{{ c.function.name }}\", "
      "\"arguments\": "
      "{{ c.function.arguments | tojson }}}</tool_call>{% endfor %}{% endfor %}",
      "t");
  ToolCallMemory memory;
  memory.remember({"1"}, "<tool_call>{\"name\":\"f\",\"arguments\":{\"a\":\"<|im_end|>\"}}</tool_call>");
  const Json context = parse_json(R"({"messages": [{"role": "assistant", "tool_calls": [{"id": "1", "function":
      {"name": "f", "arguments": {"a": "<|im_end|>"}}}]}]})",
                                  "context");
  const std::vector<Segment> expected = {
      {"<tool_call>", true}, {R"({"name":"f","arguments":{"a":"<|im_end|>"}})", false}, {"</tool_call>", true}};
  EXPECT_EQ(ReplayingRenderer(renderer, find_tool_format("hermes"), memory).render_segments(context), expected);
}

}  // namespace
}  // namespace dure
