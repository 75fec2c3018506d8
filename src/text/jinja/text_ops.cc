#include "text/jinja/text_ops.h"

#include <algorithm>
#include <unordered_set>

#include "base/error.h"
#include "text/jinja/characters.h"

namespace dure::jinja {
namespace {

/// Runs of other characters than white space; after `limit` cuts the rest as it is.
std::vector<MarkedText> split_words(const MarkedText& text, int64_t limit) {
  const std::string_view bytes = text.bytes();
  std::vector<MarkedText> out;
  size_t at = leading(bytes, is_space);
  while (at < bytes.size()) {
    if (limit >= 0 && out.size() == static_cast<size_t>(limit)) {
      out.push_back(text.slice(at, bytes.size()));
      break;
    }
    const size_t end = at + leading(bytes.substr(at), [](char32_t c) { return !is_space(c); });
    out.push_back(text.slice(at, end));
    at = end + leading(bytes.substr(end), is_space);
  }
  return out;
}

std::vector<MarkedText> split_words_from_right(const MarkedText& text, int64_t limit) {
  const std::string_view bytes = text.bytes();
  std::vector<MarkedText> out;
  size_t end = bytes.size() - trailing(bytes, is_space);
  while (end > 0) {
    if (limit >= 0 && out.size() == static_cast<size_t>(limit)) {
      out.push_back(text.slice(0, end));
      break;
    }
    const size_t begin = end - trailing(bytes.substr(0, end), [](char32_t c) { return !is_space(c); });
    out.push_back(text.slice(begin, end));
    end = begin - trailing(bytes.substr(0, begin), is_space);
  }
  std::reverse(out.begin(), out.end());
  return out;
}

}  // namespace

MarkedText strip(const MarkedText& text, const MarkedText* what, Sides sides) {
  std::unordered_set<char32_t> set;
  for (size_t at = 0; what && at < what->size();) set.insert(next_utf8(what->bytes(), at));
  const auto stripped = [&](char32_t c) { return what ? set.contains(c) : is_space(c); };
  const std::string_view bytes = text.bytes();
  const size_t begin = sides & kLeft ? leading(bytes, stripped) : 0;
  const size_t end = sides & kRight ? bytes.size() - trailing(bytes.substr(begin), stripped) : bytes.size();
  return text.slice(begin, end);
}

MarkedText replace(const MarkedText& text, const MarkedText& from, const MarkedText& to, int64_t limit) {
  const std::string& bytes = text.bytes();
  MarkedText out;
  size_t at = 0;
  if (from.empty()) {  // between all characters, and at both ends
    for (; limit != 0; --limit) {
      out.append(to);
      if (at == bytes.size()) break;
      const size_t begin = at;
      next_utf8(bytes, at);
      out.append(text, begin, at);
    }
  } else {
    for (size_t found; limit != 0 && (found = bytes.find(from.bytes(), at)) != bytes.npos; --limit) {
      out.append(text, at, found);
      out.append(to);
      at = found + from.size();
    }
  }
  out.append(text, at, bytes.size());
  return out;
}

std::vector<MarkedText> split(const MarkedText& text, const MarkedText* separator, int64_t limit) {
  if (!separator) return split_words(text, limit);
  require(!separator->empty(), "empty separator");
  std::vector<MarkedText> out;
  size_t at = 0;
  for (size_t found; limit != 0 && (found = text.bytes().find(separator->bytes(), at)) != std::string::npos; --limit) {
    out.push_back(text.slice(at, found));
    at = found + separator->size();
  }
  out.push_back(text.slice(at, text.size()));
  return out;
}

std::vector<MarkedText> split_from_right(const MarkedText& text, const MarkedText* separator, int64_t limit) {
  if (!separator) return split_words_from_right(text, limit);
  require(!separator->empty(), "empty separator");
  std::vector<MarkedText> out;
  size_t end = text.size();
  for (; limit != 0 && end >= separator->size(); --limit) {
    const size_t found = text.bytes().rfind(separator->bytes(), end - separator->size());
    if (found == std::string::npos) break;
    out.push_back(text.slice(found + separator->size(), end));
    end = found;
  }
  out.push_back(text.slice(0, end));
  std::reverse(out.begin(), out.end());
  return out;
}

std::vector<MarkedText> split_lines(const MarkedText& text, bool keep_ends) {
  const std::string& bytes = text.bytes();
  const auto is_break = [](char32_t c) {
    return (c >= 0x0A && c <= 0x0D) || (c >= 0x1C && c <= 0x1E) || c == 0x85 || c == 0x2028 || c == 0x2029;
  };
  std::vector<MarkedText> out;
  size_t begin = 0;
  for (size_t at = 0; at < bytes.size();) {
    const size_t end = at;
    if (!is_break(next_utf8(bytes, at))) continue;
    if (bytes[end] == '\r' && at < bytes.size() && bytes[at] == '\n') ++at;
    out.push_back(text.slice(begin, keep_ends ? at : end));
    begin = at;
  }
  if (begin < bytes.size()) out.push_back(text.slice(begin, bytes.size()));
  return out;
}

}  // namespace dure::jinja
