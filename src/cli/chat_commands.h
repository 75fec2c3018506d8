#pragma once

#include <string>

#include "cli/chat_session.h"

namespace dure {

/// Runs one line of the form "/name argument"; /help lists the names.
/// Throws Error, a line for the user, if there is no such command or it cannot be done.
ChatSession::Outcome run_chat_command(ChatSession& session, const std::string& line);

}  // namespace dure
