#pragma once

#include <functional>
#include <mutex>

#include "server/store/records.h"
#include "server/store/sqlite.h"

namespace dure {

/// On what a PUT insists: that there is nothing yet (version 0), or this version.
struct PutCondition {
  int64_t version = 0;
};

enum class PutOutcome {
  created,
  replaced,
  unchanged,        ///< exactly this is stored already, whatever the condition said
  conflict,         ///< the condition does not hold; `stored` is what there is
  absent,           ///< a version was named and there is none
  no_conversation,  ///< messages: the conversation does not exist
  unknown_parent,   ///< messages: the parent is no message of the conversation
  immutable,        ///< messages: parent or role differ from what is stored
};

template <typename Record>
struct PutResult {
  PutOutcome outcome;
  Record stored;  ///< for created, replaced, unchanged and conflict
};

/// A place in the list: what comes after this conversation.
struct ListCursor {
  int64_t updated_at = 0;
  std::string id;
};

struct ListedConversation {
  ConversationHeader header;
  int64_t messages = 0;
  std::optional<std::string> snippet;
};

struct ConversationPage {
  std::vector<ListedConversation> data;
  std::optional<ListCursor> next;  ///< none at the end
};

/// An answer that was judged, with what led to it.
struct JudgedAnswer {
  std::string conversation, settings;  ///< id; JSON object
  std::vector<StoredMessage> path;     ///< from the first message to the answer
  std::vector<StoredMessage> others;   ///< judged answers to the same question, without this one
};

/// Conversations in one SQLite file: web/API.md says what each call does, docs/store.md what is in the file. A call
/// that returned has its change on the disk; one that threw changed nothing. Texts that were deleted are overwritten.
/// Thread-safe: one call runs at a time. Several programs may have the file open.
/// Every call throws Error if the file cannot be read or written, StorageFull if it cannot grow.
class ConversationStore {
 public:
  struct Options {
    std::filesystem::path path;         ///< its folder exists; empty: in memory
    int64_t max_bytes = 0;              ///< of the file; 0: as the disk allows
    std::function<int64_t()> now = {};  ///< milliseconds since 1970; by default the system's clock
  };

  /// Opens or makes the database. Throws Error for a file of another program or of a later version, and a damaged one.
  explicit ConversationStore(Options options);

  /// Newest updated_at first, then by id. `query`: those with every word of it in the title or a message.
  ConversationPage list(const std::string& query, int limit, const std::optional<ListCursor>& after);
  std::optional<StoredConversation> get(const std::string& id);
  /// The revision alone; none if there is no such conversation.
  std::optional<int64_t> revision(const std::string& id);

  PutResult<ConversationHeader> put(const ConversationHeader& header, PutCondition condition);
  PutResult<StoredMessage> put(const std::string& conversation, const StoredMessage& message, PutCondition condition);

  /// What is gone already is no error.
  void remove(const std::string& id);
  void remove_all();
  /// With all below it.
  void remove(const std::string& conversation, const std::string& message);

  enum class Judged { yes, no_message, no_answer };
  /// Replaces the judgement of an answer, or takes it back (none). Sets feedback's updated_at.
  Judged judge(const std::string& conversation, const std::string& message, std::optional<MessageFeedback>& feedback);

  /// Calls `use` with each judged answer, the oldest first. REQUIRES: `use` does not call this store.
  void for_each_judged(const std::function<void(const JudgedAnswer&)>& use);

  /// Reads everything; throws Error if the file is damaged.
  void verify();

 private:
  struct Found {
    int64_t row;
    ConversationHeader header;
  };
  std::optional<Found> find(const std::string& id);
  std::optional<StoredMessage> find_message(int64_t conversation, const std::string& id);
  void touch(int64_t conversation);
  void remove_messages(int64_t conversation, const std::string& condition, int64_t row);
  void shrink();

  std::function<int64_t()> now_;
  std::mutex mutex_;
  SqlDatabase database_;
};

}  // namespace dure
