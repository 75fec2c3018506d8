#include "server/store/conversation_store.h"

#include <chrono>

#include "server/store/record_rows.h"
#include "server/store/schema.h"
#include "server/store/search_index.h"

namespace dure {
namespace {

int64_t system_now() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

/// What a PUT does, if nothing but versions decides. `current`: the stored version; `same`: what is stored is what
/// came.
PutOutcome decide(PutCondition condition, std::optional<int64_t> current, bool same) {
  if (current && same) return PutOutcome::unchanged;
  if (condition.version == 0) return current ? PutOutcome::conflict : PutOutcome::created;
  if (!current) return PutOutcome::absent;
  return *current == condition.version ? PutOutcome::replaced : PutOutcome::conflict;
}

bool writes(PutOutcome outcome) { return outcome == PutOutcome::created || outcome == PutOutcome::replaced; }

}  // namespace

ConversationStore::ConversationStore(Options options)
    : now_(options.now ? options.now : system_now), database_(options.path) {
  prepare_store(database_);
  if (options.max_bytes > 0) {
    const auto pages = options.max_bytes / database_.integer("PRAGMA page_size");
    database_.script(fmt::format("PRAGMA max_page_count = {}", pages));
  }
}

std::optional<ConversationStore::Found> ConversationStore::find(const std::string& id) {
  auto row = database_.query(fmt::format("SELECT {} FROM conversation WHERE id = ?", kHeaderColumns), id);
  if (!row.step()) return std::nullopt;
  return Found{row.integer(0), read_header(row)};
}

std::optional<StoredMessage> ConversationStore::find_message(int64_t conversation, const std::string& id) {
  auto row = database_.query(fmt::format("SELECT {} FROM {} WHERE message.conversation = ? AND message.id = ?",
                                         kMessageColumns, kMessageTables),
                             conversation, id);
  if (!row.step()) return std::nullopt;
  return read_message(row);
}

void ConversationStore::touch(int64_t conversation) {
  database_.run("UPDATE conversation SET updated_at = ?, revision = revision + 1 WHERE row = ?", now_(), conversation);
}

std::optional<StoredConversation> ConversationStore::get(const std::string& id) {
  const std::lock_guard lock(mutex_);
  const auto found = find(id);
  if (!found) return std::nullopt;
  StoredConversation conversation{found->header, {}};
  auto rows = database_.query(fmt::format("SELECT {} FROM {} WHERE message.conversation = ? ORDER BY message.row",
                                          kMessageColumns, kMessageTables),
                              found->row);
  while (rows.step()) conversation.messages.push_back(read_message(rows));
  return conversation;
}

std::optional<int64_t> ConversationStore::revision(const std::string& id) {
  const std::lock_guard lock(mutex_);
  auto row = database_.query("SELECT revision FROM conversation WHERE id = ?", id);
  return row.step() ? std::optional(row.integer(0)) : std::nullopt;
}

PutResult<ConversationHeader> ConversationStore::put(const ConversationHeader& header, PutCondition condition) {
  const std::lock_guard lock(mutex_);
  SqlTransaction transaction(database_);
  const auto found = find(header.id);
  const auto version = found ? std::optional(found->header.version) : std::nullopt;
  const PutOutcome outcome = decide(condition, version, found && same_content(found->header, header));
  if (!writes(outcome)) return {outcome, found ? found->header : ConversationHeader()};

  ConversationHeader stored = header;
  stored.updated_at = now_();
  stored.version = found ? found->header.version + 1 : 1;
  stored.revision = found ? found->header.revision + 1 : 1;
  database_.run(
      "INSERT INTO conversation (id, title, settings, head, created_at, updated_at, version, revision)"
      " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
      " ON CONFLICT (id) DO UPDATE SET title = ?2, settings = ?3, head = ?4, created_at = ?5, updated_at = ?6,"
      " version = ?7, revision = ?8",
      stored.id, stored.title, stored.settings, stored.head, stored.created_at, stored.updated_at, stored.version,
      stored.revision);
  const int64_t row = found ? found->row : database_.last_row();
  update_index(database_, {row, 0}, found ? found->header.title : "", stored.title);
  transaction.commit();
  return {outcome, stored};
}

PutResult<StoredMessage> ConversationStore::put(const std::string& conversation, const StoredMessage& message,
                                                PutCondition condition) {
  const std::lock_guard lock(mutex_);
  SqlTransaction transaction(database_);
  const auto home = find(conversation);
  if (!home) return {PutOutcome::no_conversation, {}};
  const auto current = find_message(home->row, message.id);
  const auto version = current ? std::optional(current->version) : std::nullopt;
  const PutOutcome outcome = decide(condition, version, current && same_content(*current, message));
  if (!writes(outcome)) return {outcome, current ? *current : StoredMessage()};
  if (current && (current->parent != message.parent || current->role != message.role))
    return {PutOutcome::immutable, {}};

  std::optional<int64_t> parent;
  if (message.parent) {
    auto row = database_.query("SELECT row FROM message WHERE conversation = ? AND id = ?", home->row, *message.parent);
    if (!row.step()) return {PutOutcome::unknown_parent, {}};
    parent = row.integer(0);
  }
  StoredMessage stored = message;
  stored.version = current ? current->version + 1 : 1;
  stored.feedback = current ? current->feedback : std::nullopt;
  database_.run(
      "INSERT INTO message (conversation, id, parent, role, content, reasoning, reasoning_ms, attachments, status, "
      "error,"
      " finish_reason, model, params, usage, timings, created_at, version)"
      " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)"
      " ON CONFLICT (conversation, id) DO UPDATE SET content = ?5, reasoning = ?6, reasoning_ms = ?7, attachments = ?8,"
      " status = ?9, error = ?10, finish_reason = ?11, model = ?12, params = ?13, usage = ?14, timings = ?15,"
      " created_at = ?16, version = ?17",
      home->row, stored.id, parent, stored.role, stored.content, stored.reasoning, stored.reasoning_ms,
      attachments_json(stored.attachments), stored.status, stored.error, stored.finish_reason, stored.model,
      stored.params, stored.usage, stored.timings, stored.created_at, stored.version);
  const int64_t row =
      database_.integer("SELECT row FROM message WHERE conversation = ? AND id = ?", home->row, stored.id);
  update_index(database_, {home->row, row}, current ? current->content : "", stored.content);
  touch(home->row);
  transaction.commit();
  return {outcome, stored};
}

ConversationStore::Judged ConversationStore::judge(const std::string& conversation, const std::string& message,
                                                   std::optional<MessageFeedback>& feedback) {
  const std::lock_guard lock(mutex_);
  SqlTransaction transaction(database_);
  auto found = database_.query(
      "SELECT message.row, message.conversation, role FROM message JOIN conversation"
      " ON conversation.row = message.conversation WHERE conversation.id = ? AND message.id = ?",
      conversation, message);
  if (!found.step()) return Judged::no_message;
  if (found.text(2) != "assistant") return Judged::no_answer;
  const int64_t row = found.integer(0);
  if (feedback) {
    feedback->updated_at = now_();
    database_.run("INSERT OR REPLACE INTO feedback VALUES (?, ?, ?, ?, ?, ?)", row, feedback->rating,
                  tags_json(feedback->tags), feedback->comment, feedback->correction, feedback->updated_at);
  }
  const bool changed = feedback || database_.run("DELETE FROM feedback WHERE message = ?", row) > 0;
  if (changed) touch(found.integer(1));
  transaction.commit();
  return Judged::yes;
}

void ConversationStore::verify() {
  const std::lock_guard lock(mutex_);
  for (auto row = database_.query("PRAGMA integrity_check(1)"); row.step();)
    require(row.text(0) == "ok", "{}: the database is damaged ({})", database_.name(), row.text(0));
  require(!database_.query("PRAGMA foreign_key_check").step(), "{}: the database is damaged (a row has lost its owner)",
          database_.name());
}

}  // namespace dure
