#include "server/store/search_index.h"

#include <algorithm>
#include <iterator>

namespace dure {
namespace {

constexpr size_t kMostConditions = 48;  // more would hardly sort out more

std::vector<Gram> difference(const std::vector<Gram>& a, const std::vector<Gram>& b) {
  std::vector<Gram> out;
  std::set_difference(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(out));
  return out;
}

/// A condition for each gram that it is, or kAnyGram is, in the index `where` this holds.
std::string grams_exist(const std::vector<Gram>& grams, std::string_view where) {
  std::string sql;
  for (size_t i = 0; i < std::min(grams.size(), kMostConditions); ++i)
    sql += fmt::format(" AND EXISTS (SELECT 1 FROM gram WHERE gram IN ({}, {}) AND {})", grams[i], kAnyGram, where);
  return sql;
}

/// The first message with the word, in the order of creation: its content.
std::optional<std::string> first_content_with(SqlDatabase& database, int64_t conversation, const std::string& word) {
  const std::string sql = "SELECT content FROM message WHERE conversation = ?" +
                          grams_exist(grams_of_word(word),
                                      "gram.conversation = message.conversation AND "
                                      "gram.message = message.row") +
                          " ORDER BY row";
  for (auto rows = database.query(sql, conversation); rows.step();) {
    std::string content = rows.text(0);
    if (fold_for_search(content).find(word) != std::string::npos) return content;
  }
  return std::nullopt;
}

}  // namespace

void update_index(SqlDatabase& database, IndexedText where, std::string_view before, std::string_view after) {
  if (before == after) return;
  const std::vector<Gram> old = grams_of(fold_for_search(before)), now = grams_of(fold_for_search(after));
  SqlStatement remove(database, "DELETE FROM gram WHERE conversation = ? AND gram = ? AND message = ?");
  for (const Gram gram : difference(old, now)) remove.bind(where.conversation, gram, where.message).run();
  SqlStatement insert(database, "INSERT INTO gram VALUES (?, ?, ?)");
  for (const Gram gram : difference(now, old)) insert.bind(where.conversation, gram, where.message).run();
}

std::string index_condition(const std::vector<std::string>& words) {
  std::vector<Gram> grams;
  for (const std::string& word : words) {
    const std::vector<Gram> more = grams_of_word(word);
    grams.insert(grams.end(), more.begin(), more.end());
  }
  return grams_exist(grams, "gram.conversation = conversation.row");
}

SearchMatch match_conversation(SqlDatabase& database, int64_t conversation, std::string_view title,
                               const std::vector<std::string>& words) {
  SearchMatch match;
  const std::string folded_title = fold_for_search(title);
  for (const std::string& word : words) {
    const bool in_title = folded_title.find(word) != std::string::npos;
    if (in_title && match.snippet) continue;
    const auto content = first_content_with(database, conversation, word);
    if (!in_title && !content) return {};
    if (content && !match.snippet) match.snippet = snippet_around(*content, word);
  }
  match.found = true;
  return match;
}

}  // namespace dure
