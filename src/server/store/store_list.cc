// Reading many: the list, the search, the judged answers.

#include "server/store/conversation_store.h"
#include "server/store/record_rows.h"
#include "server/store/search_index.h"

namespace dure {

ConversationPage ConversationStore::list(const std::string& query, int limit, const std::optional<ListCursor>& after) {
  const std::lock_guard lock(mutex_);
  const std::vector<std::string> words = query_words(query);
  std::string sql = fmt::format(
      "SELECT {}, (SELECT count(*) FROM message WHERE message.conversation = conversation.row) FROM conversation "
      "WHERE ",
      kHeaderColumns);
  sql += after ? "updated_at <= ?1 AND (updated_at < ?1 OR id > ?2)" : "1";
  sql += index_condition(words) + " ORDER BY updated_at DESC, id";

  SqlStatement rows(database_, sql);
  if (after) rows.bind(after->updated_at, after->id);
  ConversationPage page;
  while (rows.step()) {
    ConversationHeader header = read_header(rows);
    const SearchMatch match = match_conversation(database_, rows.integer(0), header.title, words);
    if (!match.found) continue;
    if (page.data.size() == static_cast<size_t>(limit)) {  // there is at least one more
      const ConversationHeader& last = page.data.back().header;
      page.next = {last.updated_at, last.id};
      break;
    }
    page.data.push_back({std::move(header), rows.integer(9), match.snippet});
  }
  return page;
}

void ConversationStore::for_each_judged(const std::function<void(const JudgedAnswer&)>& use) {
  const std::lock_guard lock(mutex_);
  const std::string select = fmt::format("SELECT {} FROM {} ", kMessageColumns, kMessageTables);
  auto answers = database_.query(
      "SELECT message.row, conversation.id, settings FROM feedback JOIN message ON message.row = feedback.message"
      " JOIN conversation ON conversation.row = message.conversation ORDER BY message.row");
  SqlStatement path(database_, select +
                                   "WHERE message.row IN (WITH RECURSIVE path (row) AS (SELECT ?1 UNION ALL SELECT"
                                   " message.parent FROM message JOIN path ON message.row = path.row"
                                   " WHERE message.parent IS NOT NULL) SELECT row FROM path) ORDER BY message.row");
  SqlStatement others(database_, select +
                                     "WHERE message.parent = (SELECT parent FROM message WHERE row = ?1)"
                                     " AND message.row <> ?1 AND rating IS NOT NULL ORDER BY message.row");
  while (answers.step()) {
    JudgedAnswer answer{answers.text(1), answers.text(2), {}, {}};
    path.bind(answers.integer(0));
    while (path.step()) answer.path.push_back(read_message(path));
    others.bind(answers.integer(0));
    while (others.step()) answer.others.push_back(read_message(others));
    use(answer);
  }
}

}  // namespace dure
