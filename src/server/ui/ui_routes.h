#pragma once

#include <memory>

#include "server/http/router.h"
#include "server/store/conversation_store.h"
#include "server/ui/fields.h"

namespace dure {

struct UiOptions {
  std::string name = "Dure", version;
  bool auth = false;                                   ///< requests need a key; told to the page
  UiLimits limits = {};                                ///< body_bytes as the server's
  std::shared_ptr<ConversationStore> store = nullptr;  ///< null: conversations stay in the browser
};

/// What the chat page asks for itself (web/API.md): /ui/config, /ui/conversations and all below, /ui/feedback.jsonl.
void add_ui_routes(Router& router, const UiOptions& options);

}  // namespace dure
