#include "text/tools/json_text.h"

#include <fmt/format.h>

#include <utility>

#include "base/error.h"
#include "base/json.h"
#include "base/utf8.h"

namespace dure {
namespace {

constexpr bool is_high(uint32_t unit) { return unit >= 0xD800 && unit < 0xDC00; }
constexpr bool is_low(uint32_t unit) { return unit >= 0xDC00 && unit < 0xE000; }

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::string_view trim_json_space(std::string_view text) {
  while (!text.empty() && is_json_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_json_space(text.back())) text.remove_suffix(1);
  return text;
}

void append_json_escaped(std::string& out, char c) {
  switch (c) {
    case '"': out += "\\\""; break;
    case '\\': out += "\\\\"; break;
    case '\n': out += "\\n"; break;
    case '\r': out += "\\r"; break;
    case '\t': out += "\\t"; break;
    default:
      if (static_cast<unsigned char>(c) < 0x20) {
        out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
      } else {
        out += c;
      }
  }
}

std::string json_escaped(std::string_view text) {
  std::string out;
  for (const char c : text) append_json_escaped(out, c);
  return out;
}

std::string json_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) append_json_escaped(out, c);
  return out += '"';
}

bool is_json_scalar(std::string_view text) {
  if (text.empty() || text.size() > 400 || text[0] == '"' || text[0] == '{' || text[0] == '[') return false;
  try {
    parse_json(text, "");
    return true;
  } catch (const Error&) {
    return false;
  }
}

bool JsonStringReader::feed(char c, std::string& out) {
  if (state_ == State::hex) {
    if (const int digit = hex_value(c); digit >= 0) {
      unit_ = unit_ << 4 | static_cast<uint32_t>(digit);
      if (++digits_ < 4) return true;
      state_ = State::plain;
      if (high_ != 0 && is_low(unit_)) {
        append_utf8(out, 0x10000 + ((high_ - 0xD800) << 10) + (unit_ - 0xDC00));
        high_ = 0;
        return true;
      }
      if (high_ != 0) append_utf8(out, kReplacementCharacter);
      high_ = is_high(unit_) ? unit_ : 0;
      if (high_ == 0) append_utf8(out, is_low(unit_) ? kReplacementCharacter : unit_);
      return true;
    }
    append_utf8(out, kReplacementCharacter);  // too few digits; the byte is read as what it is
    state_ = State::plain;
  }
  if (state_ == State::escape) {
    escaped(c, out);
    return true;
  }
  if (c == '\\') {
    state_ = State::escape;
    return true;
  }
  if (std::exchange(high_, 0) != 0) append_utf8(out, kReplacementCharacter);
  if (c == '"') return false;
  out += c;
  return true;
}

void JsonStringReader::escaped(char c, std::string& out) {
  state_ = State::plain;
  if (c == 'u') {
    state_ = State::hex;
    digits_ = 0;
    unit_ = 0;
    return;
  }
  if (std::exchange(high_, 0) != 0) append_utf8(out, kReplacementCharacter);
  constexpr std::string_view kNames = "nrtbf", kMeans = "\n\r\t\b\f";
  const size_t known = kNames.find(c);
  if (known == std::string_view::npos && c != '"' && c != '\\' && c != '/') out += '\\';  // no escape of JSON
  out += known == std::string_view::npos ? c : kMeans[known];
}

JsonValueReader::Step JsonValueReader::feed(char c, std::string& out) {
  switch (kind_) {
    case Kind::none:
      if (is_json_space(c)) return Step::more;
      if (c == '"') {
        kind_ = Kind::string;
        return Step::more;
      }
      if (c == ',' || c == '}' || c == ']') return Step::end_before;
      out += c;
      kind_ = c == '{' || c == '[' ? Kind::container : Kind::scalar;
      depth_ = 1;
      return Step::more;
    case Kind::string: return text_.feed(c, out) ? Step::more : Step::end;
    case Kind::scalar:
      if (is_json_space(c) || c == ',' || c == '}' || c == ']') return Step::end_before;
      out += c;
      return Step::more;
    case Kind::container: break;
  }
  out += c;
  if (quoted_) {
    quoted_ = escape_ || c != '"';
    escape_ = !escape_ && c == '\\';
    return Step::more;
  }
  quoted_ = c == '"';
  if (c == '{' || c == '[') ++depth_;
  if (c == '}' || c == ']') --depth_;
  return depth_ == 0 ? Step::end : Step::more;
}

}  // namespace dure
