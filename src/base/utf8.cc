#include "base/utf8.h"

namespace dure {
namespace {

/// Length that a lead byte announces and the allowed range of the second byte (which excludes overlong forms,
/// surrogates and values above U+10FFFF); length 0 if it cannot lead.
struct Lead {
  int length;
  uint8_t low, high;
};

Lead lead(uint8_t c) {
  if (c < 0x80) return {1, 0, 0};
  if (c < 0xC2) return {0, 0, 0};
  if (c < 0xE0) return {2, 0x80, 0xBF};
  if (c < 0xF0) return {3, uint8_t(c == 0xE0 ? 0xA0 : 0x80), uint8_t(c == 0xED ? 0x9F : 0xBF)};
  if (c < 0xF5) return {4, uint8_t(c == 0xF0 ? 0x90 : 0x80), uint8_t(c == 0xF4 ? 0x8F : 0xBF)};
  return {0, 0, 0};
}

/// Bytes of the character at `at` that are valid, and whether it is whole.
struct Scan {
  size_t length;
  bool whole;
};

Scan scan(std::string_view text, size_t at) {
  const Lead l = lead(text[at]);
  if (l.length <= 1) return {1, l.length == 1};
  uint8_t low = l.low, high = l.high;
  for (int i = 1; i < l.length; ++i) {
    if (at + i >= text.size()) return {size_t(i), false};
    const uint8_t c = text[at + i];
    if (c < low || c > high) return {size_t(i), false};
    low = 0x80, high = 0xBF;
  }
  return {size_t(l.length), true};
}

}  // namespace

char32_t next_utf8(std::string_view text, size_t& at) {
  const Scan s = scan(text, at);
  const size_t begin = at;
  at += s.length;
  if (!s.whole) return kReplacementCharacter;
  if (s.length == 1) return static_cast<uint8_t>(text[begin]);
  char32_t c = static_cast<uint8_t>(text[begin]) & (0xFF >> (s.length + 1));
  for (size_t i = 1; i < s.length; ++i) c = c << 6 | (static_cast<uint8_t>(text[begin + i]) & 0x3F);
  return c;
}

void append_utf8(std::string& out, char32_t c) {
  if (c > 0x10FFFF || (c >= 0xD800 && c < 0xE000)) c = kReplacementCharacter;
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xC0 | c >> 6);
    out += static_cast<char>(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    out += static_cast<char>(0xE0 | c >> 12);
    out += static_cast<char>(0x80 | (c >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (c & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | c >> 18);
    out += static_cast<char>(0x80 | (c >> 12 & 0x3F));
    out += static_cast<char>(0x80 | (c >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (c & 0x3F));
  }
}

bool is_utf8(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    const Scan s = scan(text, at);
    if (!s.whole) return false;
    at += s.length;
  }
  return true;
}

std::string sanitize_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const Scan s = scan(text, at);
    if (s.whole) {
      out.append(text.substr(at, s.length));
    } else {
      append_utf8(out, kReplacementCharacter);
    }
    at += s.length;
  }
  return out;
}

size_t unfinished_utf8(std::string_view text) {
  for (size_t back = 1; back <= 3 && back <= text.size(); ++back) {
    const size_t at = text.size() - back;
    if ((static_cast<uint8_t>(text[at]) & 0xC0) == 0x80) continue;  // a continuation byte: look further back
    const Scan s = scan(text, at);
    return !s.whole && at + s.length == text.size() && lead(text[at]).length > 1 ? back : 0;
  }
  return 0;
}

}  // namespace dure
