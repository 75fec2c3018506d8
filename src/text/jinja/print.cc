#include "text/jinja/print.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/error.h"
#include "text/jinja/characters.h"
#include "text/jinja/runtime.h"

namespace dure::jinja {
namespace {

void append_repr(MarkedText& out, const MarkedText& text) {
  const std::string& bytes = text.bytes();
  const char quote = bytes.find('\'') != bytes.npos && bytes.find('"') == bytes.npos ? '"' : '\'';
  const std::string_view mark(&quote, 1);
  out.append(mark, true);
  out.append(map_pieces(text, [&](std::string_view piece) {
    std::string escaped;
    for (size_t at = 0; at < piece.size();) {
      const size_t begin = at;
      const char32_t c = next_utf8(piece, at);
      if (c == '\\' || c == static_cast<char32_t>(quote)) {
        escaped += '\\';
        escaped += static_cast<char>(c);
      } else if (c == '\n') {
        escaped += "\\n";
      } else if (c == '\r') {
        escaped += "\\r";
      } else if (c == '\t') {
        escaped += "\\t";
      } else if (is_printable(c)) {
        escaped += piece.substr(begin, at - begin);
      } else if (c < 0x100) {
        escaped += fmt::format("\\x{:02x}", static_cast<uint32_t>(c));
      } else {
        escaped += c < 0x10000 ? fmt::format("\\u{:04x}", static_cast<uint32_t>(c))
                               : fmt::format("\\U{:08x}", static_cast<uint32_t>(c));
      }
    }
    return escaped;
  }));
  out.append(mark, true);
}

void append_repr(MarkedText& out, const Value& value);

void append_repr(MarkedText& out, const List& list) {
  out.append(list.tuple ? "(" : "[", true);
  for (size_t i = 0; i < list.items.size(); ++i) {
    if (i) out.append(", ", true);
    append_repr(out, list.items[i]);
  }
  if (list.tuple && list.items.size() == 1) out.append(",", true);
  out.append(list.tuple ? ")" : "]", true);
}

void append_repr(MarkedText& out, const Dict& dict) {
  out.append("{", true);
  for (bool first = true; const auto& [key, value] : dict.items) {
    if (!first) out.append(", ", true);
    first = false;
    append_repr(out, key);
    out.append(": ", true);
    append_repr(out, value);
  }
  out.append("}", true);
}

void append_repr(MarkedText& out, const Value& value) {
  if (const MarkedText* text = value.text()) return append_repr(out, *text);
  if (const List* list = value.list()) return append_repr(out, *list);
  if (const Dict* dict = value.dict()) return append_repr(out, *dict);
  if (value.is<Undefined>()) return out.append("Undefined", true);
  out.append(to_text(value));
}

std::string json_escape(std::string_view piece, bool ensure_ascii) {
  std::string out;
  for (size_t at = 0; at < piece.size();) {
    const size_t begin = at;
    const char32_t c = next_utf8(piece, at);
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      case '\b': out += "\\b"; break;
      case '\f': out += "\\f"; break;
      default: {
        const auto code = static_cast<uint32_t>(c);
        if (code >= 0x20 && (code < 0x7F || !ensure_ascii)) {
          out += piece.substr(begin, at - begin);
        } else if (code < 0x10000) {
          out += fmt::format("\\u{:04x}", code);
        } else {
          out += fmt::format("\\u{:04x}\\u{:04x}", 0xD7C0 + (code >> 10), 0xDC00 + (code & 0x3FF));
        }
      }
    }
  }
  return out;
}

/// Writes JSON as Python's json module does.
class JsonWriter {
 public:
  explicit JsonWriter(const JsonStyle& style) : style_(style) {}

  void write(const Value& value) {
    if (const MarkedText* text = value.text()) return string(*text);
    if (const List* list = value.list()) return array(*list);
    if (const Dict* dict = value.dict()) return object(*dict);
    scalar(value);
  }

  MarkedText out;

 private:
  void put(std::string_view punctuation) { out.append(punctuation, true); }

  void scalar(const Value& value) {
    if (value.is<None>()) return put("null");
    if (const bool* b = value.as<bool>()) return put(*b ? "true" : "false");
    if (const int64_t* i = value.as<int64_t>()) return put(std::to_string(*i));
    const double* d = value.as<double>();
    require(d != nullptr, "Object of type {} is not JSON serializable", type_name(value));
    if (std::isnan(*d)) return put("NaN");
    if (std::isinf(*d)) return put(*d > 0 ? "Infinity" : "-Infinity");
    put(format_float(*d));
  }

  void string(const MarkedText& text) {
    put("\"");
    out.append(map_pieces(text, [&](std::string_view piece) { return json_escape(piece, style_.ensure_ascii); }));
    put("\"");
  }

  void key(const Value& key) {
    if (const MarkedText* text = key.text()) return string(*text);
    require(!key.list(), "keys must be str, int, float, bool or None, not {}", type_name(key));
    put("\"");
    scalar(key);
    put("\"");
  }

  void array(const List& list) {
    if (list.items.empty()) return put("[]");
    put("[");
    ++level_;
    for (size_t i = 0; i < list.items.size(); ++i) {
      if (i) put(style_.item_separator);
      newline();
      write(list.items[i]);
    }
    --level_;
    newline();
    put("]");
  }

  void object(const Dict& dict) {
    if (dict.items.empty()) return put("{}");
    std::vector<const std::pair<Value, Value>*> items;
    for (const auto& item : dict.items) items.push_back(&item);
    if (style_.sort_keys) {
      for (const auto* item : items) require(item->first.text(), "sort_keys needs keys that are strings");
      std::stable_sort(items.begin(), items.end(),
                       [](auto* a, auto* b) { return a->first.text()->bytes() < b->first.text()->bytes(); });
    }
    put("{");
    ++level_;
    for (size_t i = 0; i < items.size(); ++i) {
      if (i) put(style_.item_separator);
      newline();
      key(items[i]->first);
      put(style_.key_separator);
      write(items[i]->second);
    }
    --level_;
    newline();
    put("}");
  }

  void newline() {
    if (style_.indent < 0) return;
    put("\n");
    put(std::string(static_cast<size_t>(style_.indent) * level_, ' '));
  }

  const JsonStyle& style_;
  size_t level_ = 0;
};

}  // namespace

std::string format_float(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  char buffer[64];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific).ptr;
  const std::string_view shortest(buffer, end);  // d[.ddd]e[+-]dd
  const size_t e = shortest.find('e');
  const int exponent = std::stoi(std::string(shortest.substr(e + 1)));
  if (exponent < -4 || exponent >= 16) {
    const std::string_view mantissa = shortest.substr(0, e);
    return fmt::format("{}e{}{:02}", mantissa, exponent < 0 ? '-' : '+', std::abs(exponent));
  }
  const auto fixed = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::fixed).ptr;
  std::string out(buffer, fixed);
  if (out.find('.') == out.npos) out += ".0";
  return out;
}

MarkedText to_text(const Value& value) {
  if (const MarkedText* text = value.text()) return *text;
  if (value.list() || value.dict()) return to_repr(value);
  if (value.is<Undefined>()) return {};
  std::string out;
  if (value.is<None>()) {
    out = "None";
  } else if (const bool* b = value.as<bool>()) {
    out = *b ? "True" : "False";
  } else if (const int64_t* i = value.as<int64_t>()) {
    out = std::to_string(*i);
  } else if (const double* d = value.as<double>()) {
    out = format_float(*d);
  } else {
    out = fmt::format("<{}>", type_name(value));
  }
  return MarkedText(std::move(out), true);
}

MarkedText to_repr(const Value& value) {
  MarkedText out;
  append_repr(out, value);
  return out;
}

MarkedText to_json(const Value& value, const JsonStyle& style) {
  JsonWriter writer(style);
  writer.write(value);
  return std::move(writer.out);
}

}  // namespace dure::jinja
