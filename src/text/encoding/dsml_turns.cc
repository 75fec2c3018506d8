#include "text/encoding/dsml_turns.h"

#include <algorithm>
#include <unordered_map>

#include "base/error.h"
#include "base/json.h"

namespace dure::encoding {
namespace {

// The instructions for tools are the model's own training text and must not differ by a byte.
constexpr std::string_view kToolsHead =
    "\n\n## Tools\n\nYou have access to a set of tools to help answer the user's question. You can invoke tools by "
    "writing a \"<{calls}>\" block like the following:\n\n<{calls}>\n<{invoke} name=\"$TOOL_NAME\">\n"
    "<{parameter} name=\"$PARAMETER_NAME\" string=\"true|false\">$PARAMETER_VALUE</{parameter}>\n...\n</{invoke}>\n"
    "<{invoke} name=\"$TOOL_NAME2\">\n...\n</{invoke}>\n</{calls}>\n\nString parameters should be specified as is and "
    "set `string=\"true\"`. For all other types (numbers, booleans, arrays, objects), pass the value in JSON format "
    "and "
    "set `string=\"false\"`.\n\nIf thinking_mode is enabled (triggered by <think>), you MUST output your complete "
    "reasoning inside <think>...</think> BEFORE any tool calls or final response.\n\nOtherwise, output directly after "
    "</think> with tool calls or final response.\n\n### Available Tool Schemas\n\n";
constexpr std::string_view kToolsTail =
    "\n\nYou MUST strictly follow the above defined tool name and parameter schemas to invoke tool calls.\n";

/// One-shot tasks: the token that asks for them.
constexpr std::pair<std::string_view, std::string_view> kTasks[] = {
    {"action", "<｜action｜>"}, {"query", "<｜query｜>"}, {"authority", "<｜authority｜>"},
    {"domain", "<｜domain｜>"}, {"title", "<｜title｜>"}, {"read_url", "<｜read_url｜>"}};

bool has_task(const Message& message) { return field(*message.fields, "task") != nullptr; }

/// Puts tool results, and users' messages that follow each other, into one user's turn of several blocks.
std::vector<Message> merge_user_turns(std::vector<Message> messages) {
  std::vector<Message> out;
  for (Message& message : messages) {
    const bool tool = message.role == Role::kTool;
    if (!tool && message.role != Role::kUser) {
      out.push_back(std::move(message));
      continue;
    }
    Block block{content_text(*message.fields), tool, text_field(*message.fields, "tool_call_id")};
    const bool joins = !out.empty() && out.back().role == Role::kUser && (tool || !has_task(out.back()));
    if (!joins) {
      static const Json kNothing = Json::object();
      out.push_back({Role::kUser, tool ? &kNothing : message.fields, message.tools});
    }
    out.back().blocks.push_back(std::move(block));
  }
  return out;
}

/// Orders the tool results of each turn as the calls they answer; unknown ones come first.
void sort_tool_results(std::vector<Message>& messages) {
  std::unordered_map<std::string, size_t> order;
  const auto rank = [&](const Block& block) {
    const auto it = order.find(block.call_id);
    return it == order.end() ? 0 : it->second;
  };
  for (Message& message : messages) {
    if (const Json* calls = field(*message.fields, "tool_calls");
        message.role == Role::kAssistant && calls && !calls->empty()) {
      order.clear();
      for (size_t i = 0; i < calls->size(); ++i) order[text_field((*calls)[i], "id")] = i;
      order.erase("");
    }
    std::vector<Block> results;
    for (const Block& block : message.blocks)
      if (block.tool_result) results.push_back(block);
    std::stable_sort(results.begin(), results.end(), [&](const Block& a, const Block& b) { return rank(a) < rank(b); });
    auto next = results.begin();
    for (Block& block : message.blocks)
      if (block.tool_result) block = std::move(*next++);
  }
}

/// Writes one prompt.
class Writer {
 public:
  Writer(const Dialect& dialect, Conversation conversation, std::string effort)
      : dialect_(dialect), talk_(std::move(conversation)), effort_(std::move(effort)) {
    talk_.messages = merge_user_turns(std::move(talk_.messages));
    sort_tool_results(talk_.messages);
    if (talk_.offers_tools()) talk_.drop_thinking = false;  // reasoning between calls is context
    if (talk_.thinking && talk_.drop_thinking) drop_old_developers();
    boundary_ = last_boundary();
  }

  MarkedText run() {
    put(kBos);
    for (size_t i = 0; i < talk_.messages.size(); ++i) message(i);
    return std::move(out_);
  }

 private:
  void put(std::string_view text) { out_.append(text, true); }
  const Message& at(size_t i) const { return talk_.messages[i]; }

  /// After such a message the model answers.
  bool asks(size_t i) const {
    const Role role = at(i).role;
    return role == Role::kUser || role == Role::kDeveloper || (role == Role::kSystem && i > 0 && dialect_.system_token);
  }
  int last_boundary() const {
    return last_index(talk_.messages, [&](size_t i) { return asks(i); });
  }

  void drop_old_developers() {
    const int last = last_boundary();
    int i = 0;
    std::erase_if(talk_.messages, [&](const Message& m) { return i++ < last && m.role == Role::kDeveloper; });
  }

  void message(size_t i) {
    const Message& m = at(i);
    if (i == 0) {
      if (dialect_.system_token && (!effort_.empty() || m.role == Role::kSystem)) put(kSystem);
      put(effort_);
    }
    switch (m.role) {
      case Role::kSystem:
        if (i > 0 && dialect_.system_token) put(kSystem);
        instructions(m);
        break;
      case Role::kDeveloper:
        put(kUser);
        instructions(m);
        break;
      case Role::kUser: user(m); break;
      case Role::kLatestReminder:
        put(kLatestReminder);
        out_.append(content_text(*m.fields));
        break;
      case Role::kAssistant: assistant(i); break;
      case Role::kTool: break;  // merged into users' turns
    }
    transition(i);
  }

  void instructions(const Message& m) {
    out_.append(content_text(*m.fields));
    if (m.tools) tools(*m.tools);
    append_response_format(out_, *m.fields);
  }

  void tools(const Json& tools) {
    put(with_tags(kToolsHead, dialect_.tags));
    for (bool first = true; const Json& tool : tools) {
      if (!first) put("\n");
      first = false;
      const Json& function = tool["function"];
      if (!dialect_.describe_all_tools || function.contains("description")) {
        out_.append(python_json(function));
        continue;
      }
      Json described = Json::object();
      for (const auto& [key, value] : function.items()) {
        described[key] = value;
        if (key == "name") described["description"] = "";
      }
      out_.append(python_json(described));
    }
    put(kToolsTail);
  }

  void user(const Message& m) {
    put(kUser);
    for (bool first = true; const Block& block : m.blocks) {
      if (!first) put("\n\n");
      first = false;
      if (block.tool_result) put("<tool_result>");
      out_.append(block.text);
      if (block.tool_result) put("</tool_result>");
    }
  }

  void assistant(size_t i) {
    const Json& fields = *at(i).fields;
    const bool answers_task = i > 0 && has_task(at(i - 1));
    if (talk_.thinking && !answers_task && (!talk_.drop_thinking || static_cast<int>(i) > boundary_)) {
      out_.append(text_field(fields, "reasoning_content"), false);
      put(kEndThink);
    }
    out_.append(content_text(fields));
    if (const Json* calls = field(fields, "tool_calls"); calls && !calls->empty()) {
      put("\n\n");
      append_calls(out_, *calls, dialect_.tags);
    }
    if (!flag_field(fields, "wo_eos", false)) put(kEos);
  }

  /// What leads from a message to the assistant's answer.
  void transition(size_t i) {
    const bool last = i + 1 == talk_.messages.size();
    if (!last && at(i + 1).role != Role::kAssistant && at(i + 1).role != Role::kLatestReminder) return;
    if (has_task(at(i))) return task(text_field(*at(i).fields, "task"));
    if (!asks(i) || (last && !talk_.add_generation_prompt)) return;
    put(kAssistant);
    put(talk_.thinking && (!talk_.drop_thinking || static_cast<int>(i) >= boundary_) ? kThink : kEndThink);
    if (last && talk_.force_tools && !talk_.thinking) {
      put("\n\n");
      put(dsml_open(dialect_.tags.calls));
      put(">\n");
    }
  }

  void task(const std::string& name) {
    const auto* known = std::find_if(std::begin(kTasks), std::end(kTasks), [&](auto& t) { return t.first == name; });
    require(known != std::end(kTasks), "unknown task {}", quote(name));
    if (name == "action") {
      put(kAssistant);
      put(talk_.thinking ? kThink : kEndThink);
    }
    put(known->second);
  }

  const Dialect& dialect_;
  Conversation talk_;
  const std::string effort_;
  int boundary_ = -1;  // the last message that asks for an answer
  MarkedText out_;
};

}  // namespace

std::vector<Segment> DsmlTurns::render_segments(const Json& context) const {
  Conversation conversation = read_conversation(context, dialect_.name, dialect_.thinking_by_default);
  std::string effort = conversation.thinking ? dialect_.effort(context, dialect_.name) : "";
  return Writer(dialect_, std::move(conversation), std::move(effort)).run().segments();
}

}  // namespace dure::encoding
