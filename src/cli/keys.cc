#include "cli/keys.h"

#include <algorithm>
#include <string_view>

#include "base/utf8.h"

namespace dure {
namespace {

constexpr std::string_view kPasteBegin = "\x1b[200~", kPasteEnd = "\x1b[201~";
constexpr size_t kLongestSequence = 32;

struct KeySequence {
  std::string_view bytes;
  Key key;
};

// After Escape. Modified arrows are "[1;" modifier letter: 3 is Alt, 5 is Ctrl.
constexpr KeySequence kKeySequences[] = {
    {"[A", Key::up},
    {"[B", Key::down},
    {"[C", Key::right},
    {"[D", Key::left},
    {"[H", Key::home},
    {"[F", Key::end},
    {"OA", Key::up},
    {"OB", Key::down},
    {"OC", Key::right},
    {"OD", Key::left},
    {"OH", Key::home},
    {"OF", Key::end},
    {"[1~", Key::home},
    {"[7~", Key::home},
    {"[4~", Key::end},
    {"[8~", Key::end},
    {"[3~", Key::erase_right},
    {"[1;5C", Key::word_right},
    {"[1;3C", Key::word_right},
    {"[1;5D", Key::word_left},
    {"[1;3D", Key::word_left},
    {"[3;5~", Key::erase_word_right},
    {"b", Key::word_left},
    {"f", Key::word_right},
    {"d", Key::erase_word_right},
    {"\x7f", Key::erase_word_left},
    {"\x08", Key::erase_word_left},
    {"\r", Key::line_break},
    {"\n", Key::line_break},
};

Key control_key(char c) {
  switch (c) {
    case '\r':
    case '\n': return Key::enter;
    case 0x7F:
    case 'H' & 31: return Key::erase_left;
    case 'A' & 31: return Key::home;
    case 'B' & 31: return Key::left;
    case 'C' & 31: return Key::interrupt;
    case 'D' & 31: return Key::end_of_file;
    case 'E' & 31: return Key::end;
    case 'F' & 31: return Key::right;
    case 'K' & 31: return Key::erase_to_end;
    case 'L' & 31: return Key::clear_screen;
    case 'N' & 31: return Key::down;
    case 'P' & 31: return Key::up;
    case 'U' & 31: return Key::erase_to_start;
    case 'W' & 31: return Key::erase_word_left;
    case 'Y' & 31: return Key::yank;
    case 'Z' & 31: return Key::suspend;
    default: return Key::none;
  }
}

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }

/// The length of the control sequence that `bytes` (after Escape) begins with; 0 if it is incomplete.
size_t sequence_length(std::string_view bytes) {
  if (bytes.empty()) return 0;
  if (bytes[0] == 'O') return bytes.size() < 2 ? 0 : 2;
  if (bytes[0] != '[') return 1;
  for (size_t i = 1; i < bytes.size(); ++i)
    if ((bytes[i] >= 0x40 && bytes[i] <= 0x7E) || i == kLongestSequence) return i + 1;
  return 0;
}

}  // namespace

KeyPress KeyDecoder::take(size_t bytes, Key key) {
  pending_.erase(0, bytes);
  return {key};
}

std::optional<KeyPress> KeyDecoder::next(bool waited) {
  if (pending_.empty()) return std::nullopt;
  if (pending_[0] == '\x1b') return escape(waited);
  if (pending_[0] == '\t') return take(1, Key::none);
  if (is_control(pending_[0])) return take(1, control_key(pending_[0]));
  // As much text as there is, without the first bytes of a character whose rest is on its way.
  const std::string_view run(
      pending_.data(),
      static_cast<size_t>(std::find_if(pending_.begin(), pending_.end(), is_control) - pending_.begin()));
  const size_t whole = run.size() == pending_.size() && !waited ? run.size() - unfinished_utf8(run) : run.size();
  if (whole == 0) return std::nullopt;
  KeyPress press{Key::text, pending_.substr(0, whole)};
  pending_.erase(0, whole);
  return press;
}

std::optional<KeyPress> KeyDecoder::escape(bool waited) {
  if (pending_.starts_with(kPasteBegin)) return pasted();
  const std::string_view rest = std::string_view(pending_).substr(1);
  const size_t length = sequence_length(rest);
  if (length == 0) {
    if (waited) return take(pending_.size(), Key::none);
    return std::nullopt;
  }
  for (const KeySequence& s : kKeySequences)
    if (s.bytes == rest.substr(0, length)) return take(1 + length, s.key);
  return take(1 + length, Key::none);
}

std::optional<KeyPress> KeyDecoder::pasted() {
  const size_t end = pending_.find(kPasteEnd, kPasteBegin.size());
  if (end == std::string::npos) return std::nullopt;
  std::string text;
  for (size_t at = kPasteBegin.size(); at < end; ++at) {
    const bool line_break = pending_[at] == '\r';  // terminals send what Enter would
    text += line_break ? '\n' : pending_[at];
    if (line_break && pending_[at + 1] == '\n') ++at;
  }
  pending_.erase(0, end + kPasteEnd.size());
  return KeyPress{Key::paste, std::move(text)};
}

}  // namespace dure
