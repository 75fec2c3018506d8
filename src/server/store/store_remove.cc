// Deleting: text, its grams, and what SQLite would keep of both in the file.

#include "server/store/conversation_store.h"
#include "server/store/search_index.h"

namespace dure {
namespace {

/// The message of row ?1 and all below it. Recursion in SQL has no limit of depth, as cascades of foreign keys do.
constexpr const char* kBranch =
    "row IN (WITH RECURSIVE branch (row) AS (SELECT ?1 UNION ALL SELECT message.row FROM message JOIN branch"
    " ON message.parent = branch.row) SELECT row FROM branch)";

}  // namespace

void ConversationStore::remove_messages(int64_t conversation, const std::string& condition, int64_t row) {
  auto messages = database_.query("SELECT row, content FROM message WHERE " + condition, row);
  while (messages.step()) update_index(database_, {conversation, messages.integer(0)}, messages.text(1), "");
  database_.run("DELETE FROM message WHERE " + condition, row);
}

void ConversationStore::remove(const std::string& conversation, const std::string& message) {
  const std::lock_guard lock(mutex_);
  {
    SqlTransaction transaction(database_);
    auto found = database_.query(
        "SELECT message.row, message.conversation FROM message JOIN conversation"
        " ON conversation.row = message.conversation WHERE conversation.id = ? AND message.id = ?",
        conversation, message);
    if (!found.step()) return;
    remove_messages(found.integer(1), kBranch, found.integer(0));
    touch(found.integer(1));
    transaction.commit();
  }
  shrink();
}

void ConversationStore::remove(const std::string& id) {
  const std::lock_guard lock(mutex_);
  {
    SqlTransaction transaction(database_);
    const auto found = find(id);
    if (!found) return;
    remove_messages(found->row, "conversation = ?1", found->row);
    update_index(database_, {found->row, 0}, found->header.title, "");
    database_.run("DELETE FROM conversation WHERE row = ?", found->row);
    transaction.commit();
  }
  shrink();
}

void ConversationStore::remove_all() {
  const std::lock_guard lock(mutex_);
  {
    SqlTransaction transaction(database_);
    for (const char* table : {"feedback", "message", "conversation", "gram"})
      database_.run(fmt::format("DELETE FROM {}", table));
    transaction.commit();
  }
  shrink();
}

/// secure_delete has overwritten the text in the database's pages, but older states of the pages are in the -wal file
/// until it is emptied. Another program that reads may hinder that; then the next deletion does it.
void ConversationStore::shrink() {
  database_.script("PRAGMA incremental_vacuum");
  database_.query("PRAGMA wal_checkpoint(TRUNCATE)").run();
}

}  // namespace dure
