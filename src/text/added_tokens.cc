#include "text/added_tokens.h"

#include <algorithm>

#include "base/utf8.h"
#include "text/unicode.h"

namespace dure {
namespace {

char32_t character_before(std::string_view text, size_t end) {
  size_t begin = end - 1;
  while (begin > 0 && (text[begin] & 0xC0) == 0x80) --begin;
  return next_utf8(text, begin);
}

size_t skip_spaces_left(std::string_view text, size_t end) {
  while (end > 0 && is_white_space(character_before(text, end))) {
    --end;
    while (end > 0 && (text[end] & 0xC0) == 0x80) --end;
  }
  return end;
}

size_t skip_spaces_right(std::string_view text, size_t at) {
  for (size_t next = at; next < text.size(); at = next)
    if (!is_white_space(next_utf8(text, next))) break;
  return at;
}

bool is_single_word(std::string_view text, size_t begin, size_t end) {
  if (begin > 0 && is_word_character(character_before(text, begin))) return false;
  return end == text.size() || !is_word_character(next_utf8(text, end));
}

}  // namespace

bool is_control_token(const AddedToken& token) {
  return token.special || token.content.find_first_of("<>[]{}|") != std::string::npos ||
         token.content.find("｜") != std::string::npos;
}

void AddedTokens::add(const AddedToken& token, std::string_view text) {
  if (text.empty()) return;
  if (entry_at_.empty()) entry_at_.push_back(-1);
  uint64_t node = 0;
  for (const char c : text) {
    const auto [it, is_new] =
        edges_.emplace(node << 8 | static_cast<unsigned char>(c), static_cast<int>(entry_at_.size()));
    if (is_new) entry_at_.push_back(-1);
    node = static_cast<uint64_t>(it->second);
  }
  if (entry_at_[node] >= 0) return;  // two tokens with one normalised form: the first counts
  entry_at_[node] = static_cast<int>(tokens_.size());
  tokens_.push_back({&token, is_control_token(token)});
  starts_[static_cast<unsigned char>(text[0])] = true;
}

template <class Allowed>
AddedTokens::Match AddedTokens::longest_at(std::string_view text, size_t begin, Allowed allowed) const {
  Match best;
  uint64_t node = 0;
  for (size_t at = begin; at < text.size();) {
    const auto it = edges_.find(node << 8 | static_cast<unsigned char>(text[at]));
    if (it == edges_.end()) break;
    node = static_cast<uint64_t>(it->second);
    ++at;
    if (const int entry = entry_at_[node]; entry >= 0 && allowed(tokens_[entry], at)) best = {entry, at};
  }
  return best;
}

std::vector<AddedTokens::Part> AddedTokens::find(std::string_view text, const std::vector<TextRange>& plain) const {
  std::vector<Part> parts;
  size_t done = 0;  // everything before is in parts
  auto range = plain.begin();
  for (size_t at = 0; at < text.size();) {
    if (!starts_[static_cast<unsigned char>(text[at])]) {
      ++at;
      continue;
    }
    while (range != plain.end() && range->end <= at) ++range;
    const Match match = longest_at(text, at, [&](const Entry& entry, size_t end) {
      return !entry.is_control || range == plain.end() || end <= range->begin;
    });
    if (match.entry < 0) {
      ++at;
      continue;
    }
    const AddedToken& token = *tokens_[match.entry].token;
    size_t begin = at, end = match.end;
    at = match.end;
    if (begin < done || (token.single_word && !is_single_word(text, begin, end))) continue;
    if (token.lstrip) begin = std::max(done, skip_spaces_left(text, begin));
    if (token.rstrip) end = skip_spaces_right(text, end);
    if (done < begin) parts.push_back({{done, begin}, -1});
    parts.push_back({{begin, end}, token.id});
    done = end;
  }
  if (done < text.size()) parts.push_back({{done, text.size()}, -1});
  return parts;
}

}  // namespace dure
