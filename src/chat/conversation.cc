#include "chat/conversation.h"

#include <utility>

#include "base/error.h"
#include "base/json.h"
#include "base/utf8.h"

namespace dure {
namespace {

std::string text_of(const Json& message, const char* key, const std::string& where) {
  require(message.contains(key) && message[key].is_string(), "{}: expected a text as '{}'", where, key);
  return sanitize_utf8(message[key].get_ref<const std::string&>());
}

}  // namespace

void Conversation::set_system(std::string text) { system_ = sanitize_utf8(text); }

/// The frame is the one that DeepSeek publishes for uploaded files (README of DeepSeek-R1).
void Conversation::attach(std::string_view name, std::string_view text) {
  attached_ += "[file name]: " + sanitize_utf8(name) + "\n[file content begin]\n" + sanitize_utf8(text) +
               "\n[file content end]\n";
}

void Conversation::ask(std::string_view text) {
  DURE_ASSERT(turns_.empty() || turns_.back().answered);
  turns_.push_back({std::exchange(attached_, "") + sanitize_utf8(text), "", "", false});
}

void Conversation::answer(std::string_view content, std::string_view reasoning) {
  DURE_ASSERT(!turns_.empty() && !turns_.back().answered);
  Turn& turn = turns_.back();
  turn.answer = sanitize_utf8(content);
  turn.reasoning = sanitize_utf8(reasoning);
  turn.answered = true;
}

bool Conversation::undo() {
  if (turns_.empty()) return false;
  turns_.pop_back();
  return true;
}

bool Conversation::retract() {
  if (turns_.empty()) return false;
  Turn& turn = turns_.back();
  if (!turn.answered) return false;
  turn = {std::move(turn.question), "", "", false};
  return true;
}

void Conversation::clear() {
  turns_.clear();
  attached_.clear();
}

Json Conversation::messages() const {
  Json out = Json::array();
  if (!system_.empty()) out.push_back({{"role", "system"}, {"content", system_}});
  for (const Turn& turn : turns_) {
    out.push_back({{"role", "user"}, {"content", turn.question}});
    if (!turn.answered) continue;
    out.push_back({{"role", "assistant"}, {"content", turn.answer}});
    if (!turn.reasoning.empty()) out.back()["reasoning_content"] = turn.reasoning;
  }
  return out;
}

Conversation Conversation::from_messages(const Json& messages, const std::string& source) {
  require(messages.is_array(), "{}: expected an array 'messages'", source);
  Conversation conversation;
  for (size_t i = 0; i < messages.size(); ++i) {
    const Json& message = messages[i];
    const std::string where = fmt::format("{}: messages[{}]", source, i);
    require(message.is_object(), "{}: expected an object with 'role' and 'content'", where);
    const std::string role = text_of(message, "role", where), content = text_of(message, "content", where);
    const bool open = !conversation.turns_.empty() && !conversation.turns_.back().answered;
    if (role == "system" && i == 0) {
      conversation.set_system(content);
    } else if (role == "user" && !open) {
      conversation.ask(content);
    } else if (role == "assistant" && open) {
      const bool thought = message.contains("reasoning_content") && !message["reasoning_content"].is_null();
      conversation.answer(content, thought ? text_of(message, "reasoning_content", where) : "");
    } else {
      fail("{}: role is {}, expected '{}'", where, quote(role), open ? "assistant" : "user");
    }
  }
  require(conversation.empty() || conversation.turns_.back().answered,
          "{}: the last message is a question without its answer", source);
  return conversation;
}

}  // namespace dure
