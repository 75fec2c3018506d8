#include "server/store/search_text.h"

#include <algorithm>

#include "base/utf8.h"
#include "text/unicode.h"

namespace dure {
namespace {

constexpr size_t kMostGrams = 65536;
constexpr int kSnippet = 160, kBefore = 40;  // characters; those before the hit

std::string to_nfc(std::string_view text) { return to_unicode_form(text, normalizers::UnicodeForm::nfc); }

/// Folds NFC text; `origin`, if asked for, gets the offset in `text` that each byte of the result comes from.
std::string fold_nfc(std::string_view text, std::vector<size_t>* origin = nullptr) {
  std::string folded;
  folded.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const size_t begin = at;
    const char32_t c = next_utf8(text, at);
    if (c < 0x80) {
      folded += static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
    } else {
      append_case_folded(folded, c);
    }
    if (origin) origin->resize(folded.size(), begin);
  }
  return folded;
}

void sort_unique(std::vector<Gram>& grams) {
  std::sort(grams.begin(), grams.end());
  grams.erase(std::unique(grams.begin(), grams.end()), grams.end());
}

constexpr Gram gram(char32_t first, char32_t second) { return Gram{first} << 21 | Gram{second}; }

/// Steps back over whole characters.
size_t before(std::string_view text, size_t at, int characters) {
  for (; at > 0 && characters > 0; --characters) do
      --at;
    while (at > 0 && (static_cast<uint8_t>(text[at]) & 0xC0) == 0x80);
  return at;
}

}  // namespace

std::string fold_for_search(std::string_view text) { return fold_nfc(to_nfc(text)); }

std::vector<std::string> query_words(std::string_view query) {
  std::vector<std::string> words;
  const std::string folded = fold_for_search(query);
  for (size_t at = 0, begin = 0; begin < folded.size();) {
    const size_t here = at;
    const bool end = at == folded.size() || is_white_space(next_utf8(folded, at));
    if (!end) continue;
    std::string word = folded.substr(begin, here - begin);
    if (!word.empty() && std::find(words.begin(), words.end(), word) == words.end()) words.push_back(std::move(word));
    begin = here == folded.size() ? here : at;
  }
  return words;
}

std::vector<Gram> grams_of(std::string_view folded) {
  std::vector<Gram> grams;
  char32_t last = 0;  // the character before, 0 after white space
  for (size_t at = 0; at < folded.size();) {
    const char32_t c = next_utf8(folded, at);
    const bool space = is_white_space(c);
    if (!space) grams.push_back(gram(c, 0));
    if (!space && last) grams.push_back(gram(last, c));
    last = space ? 0 : c;
    if (grams.size() >= 4 * kMostGrams) {  // long texts mostly repeat themselves
      sort_unique(grams);
      if (grams.size() > kMostGrams) return {kAnyGram};
    }
  }
  sort_unique(grams);
  if (grams.size() > kMostGrams) return {kAnyGram};
  return grams;
}

std::vector<Gram> grams_of_word(std::string_view folded_word) {
  std::vector<Gram> grams;
  size_t at = 0;
  char32_t last = next_utf8(folded_word, at);
  if (at == folded_word.size()) return {gram(last, 0)};
  while (at < folded_word.size()) {
    const char32_t c = next_utf8(folded_word, at);
    grams.push_back(gram(last, c));
    last = c;
  }
  sort_unique(grams);
  return grams;
}

std::optional<std::string> snippet_around(std::string_view text, std::string_view folded_word) {
  const std::string composed = to_nfc(text);
  std::vector<size_t> origin;
  const size_t hit = fold_nfc(composed, &origin).find(folded_word);
  if (hit == std::string::npos) return std::nullopt;

  size_t at = before(composed, origin[hit], kBefore);
  std::string snippet = at > 0 ? "…" : "";
  int room = kSnippet - (at > 0 ? 1 : 0);
  bool space = true;             // at the beginning none is wanted
  size_t fits = snippet.size();  // bytes that leave room for one "…"
  while (at < composed.size()) {
    const char32_t c = next_utf8(composed, at);
    if (is_white_space(c)) {
      if (!space) snippet += ' ', --room;
      space = true;
    } else {
      append_utf8(snippet, c);
      --room;
      space = false;
    }
    if (room < 0) return snippet.substr(0, fits) + "…";
    if (room > 0) fits = snippet.size();
  }
  return snippet;
}

}  // namespace dure
