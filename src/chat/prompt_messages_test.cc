#include "chat/prompt_messages.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/file.h"
#include "base/json.h"
#include "chat/chat_request.h"
#include "text/chat_template.h"
#include "text/encoding/encoding.h"

namespace dure {
namespace {

const std::filesystem::path kTemplates = std::filesystem::path(DURE_SHARED_DIR) / "data/chat_templates/templates";

constexpr TemplateTraits kAll{
    .tools = true, .calls = true, .results = true, .parallel_calls = true, .text_and_calls = true};

ToolStyle style(TemplateTraits traits, std::string_view format = "hermes") {
  return {&find_tool_format(format), traits};
}

PromptMessages normalised(std::string_view messages, const ToolStyle& style, std::string_view tools = "null") {
  return prompt_messages(parse_json(messages, "messages"), parse_json(tools, "tools"), style);
}

constexpr std::string_view kTools =
    R"([{"type": "function", "function": {"name": "f", "description": "does f", "strict": true,
         "parameters": {"type": "object", "properties": {"a": {"type": "integer"}}}}}])";

/// A question, two calls with their results in the other order, and a question.
constexpr std::string_view kAgent = R"([
  {"role": "system", "content": "S"}, {"role": "user", "content": "Q"},
  {"role": "assistant", "content": null, "reasoning_content": "hm", "tool_calls": [
    {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{\"a\": 1}"}},
    {"id": "call_2", "type": "function", "function": {"name": "g", "arguments": ""}}]},
  {"role": "tool", "tool_call_id": "call_2", "content": "two"},
  {"role": "tool", "tool_call_id": "call_1", "content": [{"type": "text", "text": "one"}]},
  {"role": "assistant", "content": "done"}, {"role": "user", "content": "Q2"}])";

TEST(PromptMessages, BecomeWhatTemplatesRead) {
  TemplateTraits text = kAll, null = kAll;
  text.text_arguments = true;
  null.null_content = true;
  const struct {
    std::string_view messages;
    TemplateTraits traits;
    std::string_view expected;
  } cases[] = {
      {R"([{"role": "developer", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
           {"role": "user", "name": "Kim", "content": "c"}])",
       kAll, R"([{"role":"system","content":"a\nb"},{"role":"user","content":"c"}])"},
      {R"([{"role": "assistant", "content": null}])", kAll, R"([{"role":"assistant","content":""}])"},
      {R"([{"role": "assistant", "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": "{\"a\": 1}"}}]}])",
       kAll,
       R"([{"role":"assistant","content":"","tool_calls":[{"id":"1","type":"function","function":)"
       R"({"name":"f","arguments":{"a":1}}}]}])"},
      {R"([{"role": "assistant", "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": {"a": 1}}}]}])",
       text,
       R"([{"role":"assistant","content":"","tool_calls":[{"id":"1","type":"function","function":)"
       R"({"name":"f","arguments":"{\"a\":1}"}}]}])"},
      {R"([{"role": "assistant", "function_call": {"name": "f", "arguments": "oops"}}])", null,
       R"([{"role":"assistant","content":null,"tool_calls":[{"id":"","type":"function","function":)"
       R"({"name":"f","arguments":"oops"}}]}])"},
      {R"([{"role": "assistant", "content": "x", "tool_calls": []}])", null, R"([{"role":"assistant","content":"x"}])"},
  };
  for (const auto& c : cases) EXPECT_EQ(dump_json(normalised(c.messages, style(c.traits)).messages), c.expected);
}

TEST(PromptMessages, KeepReasoningWhereItCounts) {
  constexpr std::string_view kTalk = R"([{"role": "user", "content": "1"},
    {"role": "assistant", "content": "2", "reasoning_content": "old"}, {"role": "user", "content": "3"},
    {"role": "assistant", "content": "4", "reasoning": "new"}])";
  const Json without = normalised(kTalk, style(kAll)).messages;
  EXPECT_FALSE(without[1].contains("reasoning_content"));
  EXPECT_EQ(without[3]["reasoning_content"], "new");
  EXPECT_EQ(normalised(kTalk, style(kAll), kTools).messages[1]["reasoning_content"], "old");
}

TEST(PromptMessages, AreRefusedByTheNameOfTheField) {
  const struct {
    std::string_view messages, tools, param;
  } cases[] = {
      {"[]", "null", "messages"},
      {"[1]", "null", "messages[0]"},
      {R"([{"role": "robot", "content": ""}])", "null", "messages[0].role"},
      {R"([{"role": "user", "content": 3}])", "null", "messages[0].content"},
      {R"([{"role": "user", "content": [{"type": "image_url"}]}])", "null", "messages[0].content[0]"},
      {R"([{"role": "assistant", "tool_calls": [{"id": "1"}]}])", "null", "messages[0].tool_calls[0]"},
      {R"([{"role": "user", "content": ""}])", "[{}]", "tools[0]"},
      {R"([{"role": "user", "content": ""}])", R"([{"function": {}}])", "tools[0].function.name"},
  };
  for (const auto& c : cases) {
    try {
      normalised(c.messages, style(kAll), c.tools);
      ADD_FAILURE() << c.param;
    } catch (const RequestError& error) {
      EXPECT_EQ(error.param, c.param);
      EXPECT_NE(std::string(error.what()).find(c.param), std::string::npos) << error.what();
    }
  }
}

TEST(PromptMessages, ResultsKnowTheirFunction) {
  const Json messages = normalised(kAgent, style(kAll), kTools).messages;
  EXPECT_EQ(messages[3]["name"], "g");
  EXPECT_EQ(messages[3]["tool_call_id"], "call_2");
  EXPECT_EQ(messages[4]["content"], "one");
}

TEST(PromptMessages, OneCallPerMessageWhereATemplateKnowsNoMore) {
  TemplateTraits one = kAll;
  one.parallel_calls = false;
  std::string order;
  for (const Json& m : normalised(kAgent, style(one, "llama-3"), kTools).messages)
    order += m.contains("tool_calls") ? m["tool_calls"][0]["function"]["name"].get<std::string>() + "()"
                                      : m["content"].get<std::string>() + " ";
  EXPECT_EQ(order, "S Q f()one g()two done Q2 ");
}

TEST(PromptMessages, ToolsAreDescribedWhereTheTemplateSaysNothing) {
  const PromptMessages prompt = normalised(kAgent, style({}, "generic"), kTools);
  EXPECT_TRUE(prompt.tools.is_null());
  const std::string system = prompt.messages[0]["content"];
  EXPECT_TRUE(system.starts_with("S\n\n# Tools\n"));
  EXPECT_NE(system.find(R"({"name":"f","description":"does f","parameters")"), std::string::npos);
  EXPECT_NE(system.find("<tool_call>\n{\"name\": \"NAME\", \"arguments\": "), std::string::npos);
  EXPECT_EQ(prompt.messages[2]["content"],
            "<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\":1}}\n</tool_call>\n"
            "<tool_call>\n{\"name\": \"g\", \"arguments\": {}}\n</tool_call>");
  EXPECT_EQ(prompt.messages[3]["role"], "user");
  EXPECT_EQ(prompt.messages[3]["content"],
            "<tool_response>\ntwo\n</tool_response>\n<tool_response>\none\n</tool_response>");
  EXPECT_EQ(prompt.messages.size(), 6);
}

/// Whatever the template, the model sees the tools, the calls as it would write them, and the results.
void expect_agent(const PromptRenderer& renderer, std::string_view source, const std::string& name) {
  SCOPED_TRACE(name);
  const ToolStyle style = tool_style(renderer, source);
  Json messages = parse_json(kAgent, "messages");
  messages[2]["content"] = "let me see";
  const PromptMessages prompt = prompt_messages(messages, parse_json(kTools, "tools"), style);
  Json context{{"messages", prompt.messages}, {"bos_token", "<s>"}, {"eos_token", "</s>"}};
  context["add_generation_prompt"] = true;
  if (!prompt.tools.is_null()) context["tools"] = prompt.tools;
  const std::string text = renderer.render(context);
  for (const char* part : {"does f", "let me see", "one", "two", "done", "Q2"})
    EXPECT_NE(text.find(part), std::string::npos) << part;
  const bool dsml = style.format->body == ToolFormat::Body::dsml;
  const bool found = dsml ? text.find("name=\"a\" string=\"false\">1</") != std::string::npos
                          : text.find("{\"a\": 1}") != std::string::npos || text.find("{\"a\":1}") != std::string::npos;
  EXPECT_TRUE(found) << text;
}

TEST(PromptMessages, ReachTheModelThroughEveryPublishedTemplate) {
  for (const char* name : {"deepseek-v3.2", "deepseek-v4", "deepseek-v4.1"})
    expect_agent(*make_encoding(name), name, name);
  if (!std::filesystem::exists(kTemplates)) GTEST_SKIP() << "skipped: no " << kTemplates;
  for (const auto& entry : std::filesystem::directory_iterator(kTemplates)) {
    const std::string source = read_file(entry.path());
    expect_agent(ChatTemplate(source, entry.path().filename()), source, entry.path().filename());
  }
}

}  // namespace
}  // namespace dure
