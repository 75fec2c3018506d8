#pragma once

#include <filesystem>

#include "chat/conversation.h"
#include "chat/settings.h"

namespace dure {

/// A conversation and the settings it was held with, as one JSON file:
/// {"messages": [{"role", "content", "reasoning_content"?}...], "settings": {"temperature": 0.6, ...}, "thinking"?:
/// bool}
struct SavedChat {
  Conversation conversation;
  Settings settings;
};

/// Writes the whole file or none of it. Throws Error naming the path.
void save_chat(const std::filesystem::path& path, const SavedChat& chat);

/// Reads it back; settings that it does not name stay as in `defaults`. Throws Error naming the file and what is wrong.
SavedChat load_chat(const std::filesystem::path& path, const Settings& defaults, int vocab_size);

}  // namespace dure
