#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json_fwd.h"
#include "text/marked_text.h"

namespace dure::encoding {

constexpr std::string_view kBos = "<｜begin▁of▁sentence｜>", kEos = "<｜end▁of▁sentence｜>";
constexpr std::string_view kSystem = "<｜System｜>", kUser = "<｜User｜>", kAssistant = "<｜Assistant｜>";
constexpr std::string_view kLatestReminder = "<｜latest_reminder｜>";
constexpr std::string_view kThink = "<think>", kEndThink = "</think>";

enum class Role { kSystem, kDeveloper, kUser, kAssistant, kTool, kLatestReminder };

/// A piece of a user's turn: what was written, or what a tool gave back.
struct Block {
  MarkedText text;
  bool tool_result = false;
  std::string call_id = {};
};

struct Message {
  Role role;
  const Json* fields;              ///< as given; an empty object where none was
  const Json* tools = nullptr;     ///< tools offered from here; null if none
  std::vector<Block> blocks = {};  ///< of a user's turn, once tool results are merged
};

/// A conversation and its options, read from a template's context. Points into the context.
struct Conversation {
  std::vector<Message> messages;
  bool thinking = false;
  bool drop_thinking = true;
  bool add_generation_prompt = true;
  bool force_tools = false;  ///< the answer must begin with a tool call

  bool offers_tools() const;
};

/// Reads and checks. Top-level tools go to the first message, which is made a system message if it is none.
/// `name` stands in errors. Throws Error naming the message and the field at fault.
Conversation read_conversation(const Json& context, std::string_view name, bool thinking_by_default);

/// The field, or null if it is absent or JSON's null.
const Json* field(const Json& object, std::string_view key);
/// A field that is a string, an absent one being empty.
std::string text_field(const Json& object, std::string_view key);
bool flag_field(const Json& object, std::string_view key, bool fallback);

/// `content` as text: a string, nothing, or a list of parts, whose texts are joined by blank lines.
MarkedText content_text(const Json& message);

/// JSON as Python's json.dumps(ensure_ascii=False) writes it; punctuation is trusted, strings are not.
MarkedText python_json(const Json& value);

/// Position of the last message for which holds(index); -1 if there is none.
template <class Holds>
int last_index(const std::vector<Message>& messages, Holds holds) {
  int i = static_cast<int>(messages.size()) - 1;
  while (i >= 0 && !holds(static_cast<size_t>(i))) --i;
  return i;
}

}  // namespace dure::encoding
