// Agents send calls back as JSON. With real tokenizers and templates: the next prompt must go on, id by id, where the
// sampled answer ended, or else the prefix cache does not fit.
#include <gtest/gtest.h>

#include "base/file.h"
#include "base/json.h"
#include "chat/prompt_messages.h"
#include "chat/replaying_renderer.h"
#include "formats/tokenizer_json.h"
#include "tests/golden/zstd_file.h"
#include "text/chat_template.h"
#include "text/encoding/encoding.h"
#include "text/tokenizer.h"
#include "text/tools/answer_parser.h"

namespace dure {
namespace {

const std::filesystem::path kShared = DURE_SHARED_DIR "/data";

constexpr std::string_view kTools = R"([{"type": "function", "function": {"name": "get_weather",
  "description": "The weather of a city", "parameters": {"type": "object", "properties":
  {"city": {"type": "string"}, "days": {"type": "array"}}, "required": ["city"]}}}])";

struct Case {
  std::string_view tokenizer, renderer;
  std::string_view thoughts, text;  ///< what is sampled before the calls
};

std::unique_ptr<PromptRenderer> make(std::string_view name, std::string& source) {
  const std::filesystem::path file = kShared / "chat_templates/templates" / (std::string(name) + ".jinja");
  source = name.starts_with("deepseek-v4") ? std::string(name) : read_file(file);
  if (source == name) return make_encoding(name);
  return std::make_unique<ChatTemplate>(source, std::string(name));
}

/// What a client keeps of an answer.
Json received(const std::vector<AnswerDelta>& deltas, const std::vector<std::string>& ids) {
  std::string thoughts, content;
  Json calls = Json::array();
  for (const AnswerDelta& d : deltas) switch (d.kind) {
      case AnswerDelta::Kind::reasoning: thoughts += d.text; break;
      case AnswerDelta::Kind::content: content += d.text; break;
      case AnswerDelta::Kind::call_begin:
        calls.push_back(
            {{"id", ids[calls.size()]}, {"type", "function"}, {"function", {{"name", d.text}, {"arguments", ""}}}});
        break;
      case AnswerDelta::Kind::call_arguments: {
        Json& arguments = calls.back()["function"]["arguments"];
        arguments = arguments.get<std::string>() + d.text;
        break;
      }
      case AnswerDelta::Kind::call_end: break;
    }
  Json message{{"role", "assistant"}, {"content", content}, {"tool_calls", calls}};
  if (!thoughts.empty()) message["reasoning_content"] = thoughts;
  return message;
}

size_t common_prefix(const std::vector<int>& a, const std::vector<int>& b) {
  return static_cast<size_t>(std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin());
}

TEST(ToolReplay, TheNextPromptGoesOnWhereTheAnswerEnded) {
  if (!std::filesystem::exists(kShared)) GTEST_SKIP() << "skipped: " << kShared << " is not here";
  const Case cases[] = {
      {"qwen2.5", "qwen2.5", "", "Let me look."},
      {"qwen3", "qwen3", "<think>\nwhich city\n</think>\n\n", ""},
      {"deepseek-v3", "deepseek-v3", "", "Let me look."},
      {"deepseek-v3", "deepseek-v3.1", "", ""},
      {"deepseek-v4", "deepseek-v4", "", "Let me look."},
      {"deepseek-v4.1", "deepseek-v4.1", "which city</think>", ""},
      {"llama3.1", "llama-3.1", "", ""},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.renderer);
    const std::string json = read_zst(kShared / "tokenizers" / c.tokenizer / "tokenizer.json.zst");
    const Tokenizer tokenizer(parse_tokenizer_json(json, "tokenizer.json"));
    std::string source;
    const auto renderer = make(c.renderer, source);
    const ToolStyle style = tool_style(*renderer, source);
    ToolCallMemory memory;
    const ReplayingRenderer replaying(*renderer, *style.format, memory);
    const auto ids = [&](const PromptRenderer& by, const Json& messages) {
      const PromptMessages prompt = prompt_messages(messages, parse_json(kTools, "tools"), style);
      Json context{{"messages", prompt.messages}, {"bos_token", ""}, {"eos_token", ""}};
      context["add_generation_prompt"] = true;
      if (!prompt.tools.is_null()) context["tools"] = prompt.tools;
      return tokenizer.encode(by.render_segments(context));
    };

    // The model calls, in a spelling that no template has.
    Json messages = parse_json(R"([{"role": "user", "content": "Weather in <b>Paris</b>?"}])", "messages");
    const ToolCallText call[] = {{"get_weather", R"({"days":[1,2],"city":  "Paris"})"}};
    std::string answer = std::string(c.thoughts) + std::string(c.text);
    if (!c.text.empty() || style.format->body == ToolFormat::Body::dsml) answer += style.format->before_calls;
    answer += write_tool_calls(*style.format, call);
    std::vector<int> sampled = ids(replaying, messages);
    const std::vector<int> answered = tokenizer.encode(answer);
    sampled.insert(sampled.end(), answered.begin(), answered.end());

    const AnswerStart start =
        c.thoughts.starts_with("<") || c.thoughts.empty() ? AnswerStart::text : AnswerStart::reasoning;
    AnswerParser parser(*style.format, start, {"get_weather"});
    std::vector<AnswerDelta> deltas = parser.push(answer);
    for (const AnswerDelta& d : parser.finish()) deltas.push_back(d);
    const std::string id = new_call_id();
    memory.remember({id}, parser.calls_text());

    messages.push_back(received(deltas, {id}));
    messages.push_back({{"role", "tool"}, {"tool_call_id", id}, {"content", "sunny"}});
    EXPECT_EQ(common_prefix(sampled, ids(replaying, messages)), sampled.size());
    // Without the memory it does not, but where a template passes JSON text on as it is.
    EXPECT_EQ(common_prefix(sampled, ids(*renderer, messages)) == sampled.size(), style.traits.text_arguments);
  }
}

}  // namespace
}  // namespace dure
