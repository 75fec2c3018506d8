#include "server/http/target.h"

#include <algorithm>

#include "base/utf8.h"

namespace dure {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }

std::string decode(std::string_view text, const char* what) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
    if (high < 0 || low < 0) throw bad_request(std::string("% without two hexadecimal digits in the ") + what);
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  if (!is_utf8(out)) throw bad_request(std::string("the ") + what + " is not UTF-8");
  return out;
}

std::string decode_segment(std::string_view text) {
  std::string segment = decode(text, "path");
  if (std::any_of(segment.begin(), segment.end(), is_control)) throw bad_request("a control character in the path");
  if (segment == "." || segment == "..") throw bad_request("the path has a segment \".\" or \"..\"");
  return segment;
}

std::string decode_field(std::string_view text) {
  std::string spaced(text);
  std::replace(spaced.begin(), spaced.end(), '+', ' ');
  std::string field = decode(spaced, "query");
  if (field.find('\0') != field.npos) throw bad_request("a NUL character in the query");
  return field;
}

/// Takes the text before `end` off the front of `rest`, and the mark itself.
std::string_view take_until(std::string_view& rest, char end) {
  const size_t at = std::min(rest.find(end), rest.size());
  const std::string_view part = rest.substr(0, at);
  rest.remove_prefix(std::min(at + 1, rest.size()));
  return part;
}

}  // namespace

void parse_target(std::string_view target, HttpRequest& request) {
  if (target == "*") return;
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!target.starts_with(scheme)) continue;
    target.remove_prefix(scheme.size());
    target.remove_prefix(std::min(target.find_first_of("/?"), target.size()));
    if (target.empty() || target[0] == '?') return parse_target(std::string("/").append(target), request);
  }
  if (!target.starts_with('/')) throw bad_request("the target of the request must begin with a slash");
  if (std::any_of(target.begin(), target.end(), is_control)) throw bad_request("a control character in the target");

  std::string_view query = target.substr(0, target.find('#'));
  std::string_view path = take_until(query, '?');
  while (!path.empty()) {
    const std::string_view segment = take_until(path, '/');
    if (!segment.empty()) request.segments.push_back(decode_segment(segment));
  }
  for (const std::string& segment : request.segments) request.path.append("/").append(segment);
  if (request.path.empty()) request.path.push_back('/');
  while (!query.empty()) {
    std::string_view field = take_until(query, '&');
    if (field.empty()) continue;
    const std::string_view name = take_until(field, '=');
    request.query.emplace_back(decode_field(name), decode_field(field));
  }
}

}  // namespace dure
