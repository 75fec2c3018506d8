#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dure {

enum class Language { en, ko };

/// One word, or group of words, in both languages. What the second pair means is said by each table.
struct Word {
  std::string_view en, ko, en2 = {}, ko2 = {};
  std::string_view in(Language l) const { return l == Language::en ? en : ko; }
  std::string_view second(Language l) const { return l == Language::en ? en2 : ko2; }
};

/// The words that fill a sentence. "{hero}" in a pattern is the word of that name; "{Hero}" has its first letter
/// capital; "{thing|a}" has the English article that suits its sound ("{thing|A}" a capital one); "{hero|은}" the
/// Korean particle that suits its end, named as in korean_particle().
class Slots {
 public:
  void set(std::string_view name, std::string value);
  /// Throws Error if there is no such slot.
  const std::string& get(std::string_view name) const;
  /// Appends the filled pattern to `out`; its first letter becomes capital.
  /// Throws Error for slots that are not set and forms that do not exist.
  void fill(std::string_view pattern, std::string& out) const;

 private:
  std::vector<std::pair<std::string_view, std::string>> values_;  // few: a search from the front is quick
};

/// "a" or "an", by the first letter of the word that follows.
std::string_view english_article(std::string_view word);

}  // namespace dure
