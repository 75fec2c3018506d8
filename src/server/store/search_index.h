#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "server/store/search_text.h"
#include "server/store/sqlite.h"

namespace dure {

/// Which text of the index is meant: a conversation's title (message 0) or a message, by their rows.
struct IndexedText {
  int64_t conversation = 0, message = 0;
};

/// Takes a text from one state to another; empty is the state of a text that is not there. Only grams that come or go
/// are written, so an answer that grows costs what it grows by.
void update_index(SqlDatabase& database, IndexedText where, std::string_view before, std::string_view after);

/// A condition on `conversation.row` that every conversation with all the words fulfils, and some others. It begins
/// with AND; for no words it is empty.
std::string index_condition(const std::vector<std::string>& words);

/// Whether the conversation has every word in its title or one of its messages.
struct SearchMatch {
  bool found = false;
  std::optional<std::string> snippet;  ///< of the first message with a word; none if only the title has them
};
SearchMatch match_conversation(SqlDatabase& database, int64_t conversation, std::string_view title,
                               const std::vector<std::string>& words);

}  // namespace dure
