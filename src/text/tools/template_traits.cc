#include "text/tools/template_traits.h"

#include "base/error.h"
#include "base/json.h"
#include "text/tools/answer_parser.h"

namespace dure {
namespace {

constexpr std::string_view kConversation = R"({
  "bos_token": "", "eos_token": "", "add_generation_prompt": true,
  "messages": [{"role": "user", "content": "dure-question"}],
  "tools": [{"type": "function", "function": {"name": "dure_offered", "description": "dure-described",
             "parameters": {"type": "object", "properties": {"dure_property": {"type": "string"}}}}}]})";

/// The prompt, or nothing if the template refuses.
std::string rendered(const PromptRenderer& renderer, const Json& context) {
  try {
    return renderer.render(context);
  } catch (const Error&) {
    return "";
  }
}

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

struct Spelling {
  bool null_content, text_arguments;
  Json content() const { return null_content ? Json() : Json(""); }
};

/// A conversation that goes on with `count` calls and their results.
Json with_calls(const Spelling& s, int count, const Json& content) {
  Json context = parse_json(kConversation, "probe");
  Json arguments = Json::object({{"dure_argument", "dure-value"}});
  if (s.text_arguments) arguments = dump_json(arguments);
  Json calls = Json::array();
  for (int i = 0; i < count; ++i)
    calls.push_back({{"id", fmt::format("call{:05}", i)},
                     {"type", "function"},
                     {"function", {{"name", fmt::format("dure_called{}", i)}, {"arguments", arguments}}}});
  Json& messages = context["messages"];
  messages.push_back({{"role", "assistant"}, {"content", content}, {"tool_calls", calls}});
  for (int i = 0; i < count; ++i)
    messages.push_back({{"role", "tool"},
                        {"tool_call_id", calls[i]["id"]},
                        {"name", calls[i]["function"]["name"]},
                        {"content", fmt::format("dure-result{}", i)}});
  return context;
}

/// Whether a call stands there with its arguments as a model should write them: neither as a JSON string within JSON
/// nor in Python's spelling.
bool writes_call(const std::string& prompt) {
  return has(prompt, "dure_called0") && has(prompt, "dure_argument") && has(prompt, "dure-value") &&
         !has(prompt, "\\\"dure_argument") && !has(prompt, "'dure_argument'");
}

}  // namespace

TemplateTraits probe_template(const PromptRenderer& renderer) {
  TemplateTraits traits;
  traits.tools = has(rendered(renderer, parse_json(kConversation, "probe")), "dure-described");

  // Null and objects first: where both do, they say more.
  constexpr Spelling kSpellings[] = {{true, false}, {false, false}, {true, true}, {false, true}};
  for (const Spelling& s : kSpellings) {
    const std::string prompt = rendered(renderer, with_calls(s, 1, s.content()));
    traits.results = traits.results || has(prompt, "dure-result0");
    if (!writes_call(prompt)) continue;
    const std::string two = rendered(renderer, with_calls(s, 2, s.content()));
    const std::string text = rendered(renderer, with_calls(s, 1, "dure-text"));
    traits.calls = true;
    traits.null_content = s.null_content;
    traits.text_arguments = s.text_arguments;
    traits.parallel_calls = has(two, "dure_called1") && has(two, "dure-result1");
    traits.text_and_calls = has(text, "dure-text") && writes_call(text);
    break;
  }
  return traits;
}

ToolStyle tool_style(const PromptRenderer& renderer, std::string_view source) {
  const TemplateTraits traits = probe_template(renderer);
  const ToolFormat& format = detect_tool_format(source);
  const Spelling spelling{traits.null_content, traits.text_arguments};
  AnswerParser parser(format, AnswerStart::text, {"dure_called0"});
  std::vector<AnswerDelta> deltas = parser.push(rendered(renderer, with_calls(spelling, 1, spelling.content())));
  for (AnswerDelta& d : parser.finish()) deltas.push_back(std::move(d));
  for (const AnswerDelta& d : join_deltas(deltas))
    if (d.kind == AnswerDelta::Kind::call_arguments && has(d.text, "dure-value")) return {&format, traits};
  return {&find_tool_format("generic"), {}};
}

}  // namespace dure
