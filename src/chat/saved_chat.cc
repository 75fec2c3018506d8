#include "chat/saved_chat.h"

#include <ostream>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"

namespace dure {

void save_chat(const std::filesystem::path& path, const SavedChat& chat) {
  Json out = {{"messages", chat.conversation.messages()}, {"settings", settings_json(chat.settings)}};
  if (chat.settings.thinking) out["thinking"] = *chat.settings.thinking;
  write_file_atomically(path, [&](std::ostream& file) { file << dump_json(out, 2) << '\n'; });
}

SavedChat load_chat(const std::filesystem::path& path, const Settings& defaults, int vocab_size) {
  constexpr size_t kMaxBytes = size_t{64} << 20;
  const std::string source = path.string();
  const Json in = parse_json(read_file(path, kMaxBytes), source);
  require(in.is_object() && in.contains("messages"), "{}: expected a conversation: an object with 'messages'", source);

  SavedChat chat{Conversation::from_messages(in["messages"], source), defaults};
  if (in.contains("settings")) {
    require(in["settings"].is_object(), "{}: expected an object 'settings'", source);
    for (const auto& [name, value] : in["settings"].items()) try {
        change_setting(chat.settings, name, value, vocab_size);
      } catch (const Error& e) {
        fail("{}: settings: {}", source, e.what());
      }
  }
  const Fields fields(in, source);
  chat.settings.thinking.reset();
  if (fields.has("thinking")) chat.settings.thinking = fields.boolean_or("thinking", false);
  return chat;
}

}  // namespace dure
