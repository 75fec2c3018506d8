#include "text/encoding/deepseek_v32.h"

#include "base/error.h"
#include "base/json.h"
#include "text/encoding/conversation.h"
#include "text/encoding/dsml.h"

namespace dure {
namespace {

using namespace encoding;

constexpr std::string_view kName = "deepseek-v3.2";
constexpr DsmlTags kTags{"function_calls", "invoke", "parameter"};

// The instructions for tools are the model's own training text and must not differ by a byte.
constexpr std::string_view kToolsHead =
    "\n\n## Tools\n\nYou have access to a set of tools you can use to answer the user's question.\nYou can invoke "
    "functions by writing a \"<{calls}>\" block like the following as part of your reply to the user:\n<{calls}>\n"
    "<{invoke} name=\"$FUNCTION_NAME\">\n<{parameter} name=\"$PARAMETER_NAME\" string=\"true|false\">$PARAMETER_VALUE"
    "</{parameter}>\n...\n</{invoke}>\n<{invoke} name=\"$FUNCTION_NAME2\">\n...\n</{invoke}>\n</{calls}>\n\nString and "
    "scalar parameters should be specified as is without any escaping or quotes, while lists and objects should use "
    "JSON format. The \"string\" attribute should be set to \"true\" for string type parameters and \"false\" for "
    "other "
    "types (numbers, booleans, arrays, objects).\n\nIf the thinking_mode is enabled, then after function results you "
    "should strongly consider outputting a thinking block. Here is an example:\n\n<{calls}>\n...\n</{calls}>\n\n"
    "<function_results>\n...\n</function_results>\n\n<think>...thinking about results</think>\n\nHere are the "
    "functions "
    "available in JSONSchema format:\n<functions>\n";
constexpr std::string_view kToolsTail = "\n</functions>\n";

class Writer {
 public:
  explicit Writer(Conversation conversation) : talk_(std::move(conversation)) {
    if (talk_.thinking && talk_.drop_thinking) {
      const int last = last_question();
      int i = 0;
      std::erase_if(talk_.messages, [&](const Message& m) { return i++ < last && m.role == Role::kDeveloper; });
    }
    last_question_ = last_question();
  }

  MarkedText run() {
    put(kBos);
    for (size_t i = 0; i < talk_.messages.size(); ++i) message(i);
    return std::move(out_);
  }

 private:
  void put(std::string_view text) { out_.append(text, true); }
  const Message& at(size_t i) const { return talk_.messages[i]; }
  int last_question() const {
    return last_index(talk_.messages,
                      [&](size_t i) { return at(i).role == Role::kUser || at(i).role == Role::kDeveloper; });
  }
  bool is_last(size_t i) const { return i + 1 == talk_.messages.size(); }

  void message(size_t i) {
    const Message& m = at(i);
    switch (m.role) {
      case Role::kSystem:
        out_.append(content_text(*m.fields));
        offers(m);
        break;
      case Role::kDeveloper:
        put(kUser);
        offers(m);
        put("\n\n# The user's message is: ");
        out_.append(content_text(*m.fields));
        answer_to_question(i);
        break;
      case Role::kUser:
        put(kUser);
        out_.append(content_text(*m.fields));
        answer_to_question(i);
        break;
      case Role::kAssistant: assistant(i); break;
      case Role::kTool: tool_result(i); break;
      case Role::kLatestReminder: fail("{}: messages: the role latest_reminder came with V4", kName);
    }
  }

  void offers(const Message& m) {
    if (m.tools) {
      put(with_tags(kToolsHead, kTags));
      for (bool first = true; const Json& tool : *m.tools) {
        if (!first) put("\n");
        first = false;
        out_.append(python_json(tool["function"]));
      }
      put(kToolsTail);
    }
    append_response_format(out_, *m.fields);
  }

  void answer_to_question(size_t i) {
    if (is_last(i) && !talk_.add_generation_prompt) return;
    put(kAssistant);
    put(talk_.thinking && static_cast<int>(i) == last_question_ ? kThink : kEndThink);
    force_tools(i);
  }

  void force_tools(size_t i) {
    if (!is_last(i) || !talk_.force_tools || talk_.thinking) return;
    put("\n\n");
    put(dsml_open(kTags.calls));
    put(">\n");
  }

  void assistant(size_t i) {
    const Json& fields = *at(i).fields;
    if (talk_.thinking && static_cast<int>(i) > last_question_) {
      const std::string reasoning = text_field(fields, "reasoning");
      out_.append(reasoning.empty() ? text_field(fields, "reasoning_content") : reasoning, false);
      put(kEndThink);
    }
    out_.append(content_text(fields));
    if (const Json* calls = field(fields, "tool_calls"); calls && !calls->empty()) {
      put("\n\n");
      append_calls(out_, *calls, kTags);
    }
    put(kEos);
  }

  /// The first result of an assistant's calls opens the block, the last one closes it.
  void tool_result(size_t i) {
    size_t caller = i;
    while (caller > 0 && at(caller).role == Role::kTool) --caller;
    const Json* calls = at(caller).role == Role::kAssistant ? field(*at(caller).fields, "tool_calls") : nullptr;
    const size_t order = i - caller;  // from 1
    require(calls && order <= calls->size(), "{}: messages: a tool result answers no tool call", kName);

    if (order == 1) put("\n\n<function_results>");
    put("\n<result>");
    out_.append(content_text(*at(i).fields));
    put("</result>");
    if (order < calls->size()) return;
    put("\n</function_results>");
    if (is_last(i) && !talk_.add_generation_prompt) return;
    put("\n\n");
    put(talk_.thinking && static_cast<int>(i) >= last_question_ ? kThink : kEndThink);
    force_tools(i);
  }

  Conversation talk_;
  int last_question_ = -1;
  MarkedText out_;
};

class DeepSeekV32 final : public PromptRenderer {
 public:
  std::vector<Segment> render_segments(const Json& context) const override {
    return Writer(read_conversation(context, kName, false)).run().segments();
  }
};

}  // namespace

std::unique_ptr<PromptRenderer> make_deepseek_v32_encoding() { return std::make_unique<DeepSeekV32>(); }

}  // namespace dure
