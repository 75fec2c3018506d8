#include "text/tools/tool_format.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"

namespace dure {
namespace {

TEST(ToolFormat, IsWhatTheTemplateWrites) {
  const struct {
    std::string_view source, name;
  } cases[] = {
      {"deepseek-v3.2", "deepseek-v3.2"},
      {"deepseek-v4-0731", "deepseek-v4"},
      {"{{ '<｜tool▁call▁begin｜>' + type + '<｜tool▁sep｜>' + name + '\\n```json\\n' }}", "deepseek-v3"},
      {"{{ '<｜tool▁call▁begin｜>' + name + '<｜tool▁sep｜>' + arguments }}", "deepseek-v3.1"},
      {"{% set t = '｜DSML｜' %}<{{ t }}function_calls>", "deepseek-v3.2"},
      {"{% set t = '｜DSML｜' %}<{{ t }}tool_calls>", "deepseek-v4"},
      {"<｜DSML｜ calls>", "deepseek-v4.1"},
      {"<tool_call>\n", "hermes"},
      {"<|python_tag|>", "llama-3"},
      {"<|im_start|>{{ message.content }}", "generic"},
      {"", "generic"},
  };
  for (const auto& c : cases) EXPECT_EQ(detect_tool_format(c.source).name, c.name) << c.source;
}

TEST(ToolFormat, UnknownNamesAreRefusedWithAList) {
  try {
    find_tool_format("xml");
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), testing::StartsWith("no tool format named 'xml'; there are deepseek-v3, "));
  }
}

TEST(ToolFormat, WritesCallsAsModelsDo) {
  const ToolCallText calls[] = {{"f", R"({"city": "Paris", "days": 3})"}, {"g", "{}"}};
  const struct {
    std::string_view format, text;
  } cases[] = {
      {"deepseek-v3",
       "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>f\n```json\n{\"city\": \"Paris\", \"days\": "
       "3}\n```"
       "<｜tool▁call▁end｜>\n<｜tool▁call▁begin｜>function<｜tool▁sep｜>g\n```json\n{}\n```<｜tool▁call▁end｜><"
       "｜tool▁calls▁end｜>"},
      {"deepseek-v3.1",
       "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>f<｜tool▁sep｜>{\"city\": \"Paris\", \"days\": 3}<｜tool▁call▁end｜>"
       "<｜tool▁call▁begin｜>g<｜tool▁sep｜>{}<｜tool▁call▁end｜><｜tool▁calls▁end｜>"},
      {"deepseek-v4",
       "<｜DSML｜tool_calls>\n<｜DSML｜invoke name=\"f\">\n<｜DSML｜parameter name=\"city\" string=\"true\">Paris"
       "</｜DSML｜parameter>\n<｜DSML｜parameter name=\"days\" "
       "string=\"false\">3</｜DSML｜parameter>\n</｜DSML｜invoke>\n"
       "<｜DSML｜invoke name=\"g\">\n\n</｜DSML｜invoke>\n</｜DSML｜tool_calls>"},
      {"hermes",
       "<tool_call>\n{\"name\": \"f\", \"arguments\": {\"city\": \"Paris\", \"days\": 3}}\n</tool_call>\n"
       "<tool_call>\n{\"name\": \"g\", \"arguments\": {}}\n</tool_call>"},
      {"llama-3",
       "{\"name\": \"f\", \"parameters\": {\"city\": \"Paris\", \"days\": 3}}; {\"name\": \"g\", \"parameters\": {}}"},
  };
  for (const auto& c : cases) EXPECT_EQ(write_tool_calls(find_tool_format(c.format), calls), c.text) << c.format;
}

}  // namespace
}  // namespace dure
