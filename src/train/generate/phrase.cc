#include "train/generate/phrase.h"

#include "base/error.h"
#include "train/generate/korean.h"

namespace dure {
namespace {

bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
void capitalise(std::string& text, size_t at) {
  if (at < text.size() && is_lower(text[at])) text[at] = static_cast<char>(text[at] - 'a' + 'A');
}

/// Whether a pattern's name means the slot: equal, but for the case of its first letter.
bool names(std::string_view name, std::string_view slot) {
  if (name.size() != slot.size() || name.empty()) return false;
  const char first = is_upper(name[0]) ? static_cast<char>(name[0] - 'A' + 'a') : name[0];
  return first == slot[0] && name.substr(1) == slot.substr(1);
}

}  // namespace

std::string_view english_article(std::string_view word) {
  return !word.empty() && std::string_view("aeiou").find(word[0]) != std::string_view::npos ? "an" : "a";
}

void Slots::set(std::string_view name, std::string value) {
  for (auto& [slot, old] : values_)
    if (slot == name) {
      old = std::move(value);
      return;
    }
  values_.emplace_back(name, std::move(value));
}

const std::string& Slots::get(std::string_view name) const {
  for (const auto& [slot, value] : values_)
    if (names(name, slot)) return value;
  fail("a sentence needs the slot '{}', which is not set", name);
}

void Slots::fill(std::string_view pattern, std::string& out) const {
  const size_t begin = out.size();
  while (!pattern.empty()) {
    const size_t open = pattern.find('{');
    out += pattern.substr(0, open);
    if (open == pattern.npos) break;
    const size_t close = pattern.find('}', open);
    require(close != pattern.npos, "'{}' has no '}}'", pattern);
    std::string_view name = pattern.substr(open + 1, close - open - 1), form;
    pattern.remove_prefix(close + 1);
    if (const size_t bar = name.find('|'); bar != name.npos) {
      form = name.substr(bar + 1);
      name = name.substr(0, bar);
    }
    const std::string& value = get(name);
    const size_t at = out.size();
    if (form == "a" || form == "A") {
      out.append(english_article(value)).push_back(' ');
      if (form == "A") capitalise(out, at);
      out += value;
    } else {
      out += value;
      if (!form.empty()) out += korean_particle(value, form);
    }
    if (is_upper(name[0])) capitalise(out, at);
  }
  capitalise(out, begin + (begin < out.size() && out[begin] == '"' ? 1 : 0));
}

}  // namespace dure
