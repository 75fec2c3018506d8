// Python's two ways to format: '%s' % x and '{}'.format(x).

#include <fmt/format.h>

#include <cmath>

#include "base/error.h"
#include "text/jinja/characters.h"
#include "text/jinja/operators.h"
#include "text/jinja/print.h"

namespace dure::jinja {
namespace {

constexpr int64_t kMaxWidth = 10'000;

/// [[fill]align][sign][#][0][width][,][.precision][type]: what both mini-languages have in common.
struct Spec {
  std::string fill = " ";
  char align = '\0';  // '<', '>', '^' or '='; '\0': the type's own
  char sign = '-';
  bool alternate = false, grouped = false;
  int64_t width = 0, precision = -1;
  char type = '\0';
};

int64_t read_number(std::string_view text, size_t& at) {
  int64_t number = 0;
  while (at < text.size() && text[at] >= '0' && text[at] <= '9') {
    number = number * 10 + (text[at++] - '0');
    require(number <= kMaxWidth, "a format is wider than {}", kMaxWidth);
  }
  return number;
}

MarkedText pad(const MarkedText& body, const Spec& spec, char fallback_align) {
  const size_t length = count_characters(body.bytes());
  const size_t width = static_cast<size_t>(spec.width);
  if (length >= width) return body;
  const size_t missing = width - length;
  const char align = spec.align ? spec.align : fallback_align;
  const size_t before = align == '<' ? 0 : align == '^' ? missing / 2 : missing;
  const auto fill = [&](size_t n) {
    std::string out;
    for (size_t i = 0; i < n; ++i) out += spec.fill;
    return out;
  };
  MarkedText out;
  size_t split = 0;  // '=' pads between the sign and the digits
  if (align == '=' && !body.empty() && (body.bytes()[0] == '-' || body.bytes()[0] == '+')) split = 1;
  out.append(body, 0, split);
  out.append(fill(before), true);
  out.append(body, split, body.size());
  out.append(fill(missing - before), true);
  return out;
}

std::string group_thousands(const std::string& digits) {
  const size_t point = std::min(digits.find_first_not_of("0123456789"), digits.size());
  std::string out;
  for (size_t i = 0; i < point; ++i) {
    if (i && (point - i) % 3 == 0) out += ',';
    out += digits[i];
  }
  return out + digits.substr(point);
}

/// Digits of |value| by the type: d, x, X, o, b of integers; f, F, e, E, g, G, % of numbers.
std::string magnitude(const Value& value, const Spec& spec) {
  const char type = spec.type ? spec.type : value.is<double>() ? 'r' : 'd';
  if (std::string_view("dixXob").find(type) != std::string_view::npos) {
    require(!value.is<double>() || type == 'd' || type == 'i', "format '{}' needs an integer", type);
    const double whole = std::trunc(to_double(value));
    require(std::abs(whole) < 9.2e18, "an integer does not fit 64 bits");
    const int64_t number = value.is<int64_t>() ? *value.as<int64_t>() : static_cast<int64_t>(whole);
    const uint64_t n = number < 0 ? 0 - static_cast<uint64_t>(number) : static_cast<uint64_t>(number);
    switch (type) {
      case 'x': return fmt::format("{}{:x}", spec.alternate ? "0x" : "", n);
      case 'X': return fmt::format("{}{:X}", spec.alternate ? "0X" : "", n);
      case 'o': return fmt::format("{}{:o}", spec.alternate ? "0o" : "", n);
      case 'b': return fmt::format("{}{:b}", spec.alternate ? "0b" : "", n);
      default: return fmt::format("{}", n);
    }
  }
  const double number = std::abs(to_double(value));
  const int precision = spec.precision < 0 ? 6 : static_cast<int>(std::min<int64_t>(spec.precision, 400));
  switch (type) {
    case 'f':
    case 'F': return fmt::format("{:.{}f}", number, precision);
    case 'e': return fmt::format("{:.{}e}", number, precision);
    case 'E': return fmt::format("{:.{}E}", number, precision);
    case 'g': return fmt::format("{:.{}g}", number, precision);
    case 'G': return fmt::format("{:.{}G}", number, precision);
    case '%': return fmt::format("{:.{}f}%", number * 100, precision);
    case 'r': return spec.precision < 0 ? format_float(number) : fmt::format("{:.{}g}", number, precision);
    default: fail("unknown format code '{}'", type);
  }
}

MarkedText format_number(const Value& value, const Spec& spec) {
  std::string digits = magnitude(value, spec);
  if (spec.grouped) digits = group_thousands(digits);
  const bool negative = to_double(value) < 0;
  if (negative) {
    digits.insert(0, 1, '-');
  } else if (spec.sign != '-') {
    digits.insert(0, 1, spec.sign);
  }
  return pad(MarkedText(std::move(digits), true), spec, '>');
}

MarkedText format_text(const MarkedText& text, const Spec& spec, char fallback_align) {
  if (spec.precision < 0) return pad(text, spec, fallback_align);
  return pad(text.slice(0, byte_offset(text.bytes(), static_cast<size_t>(spec.precision))), spec, fallback_align);
}

/// Hands out the arguments of `format % arguments`.
class PercentArguments {
 public:
  explicit PercentArguments(const Value& arguments) : all_(arguments) {
    const List* list = arguments.list();
    if (list && list->tuple) tuple_ = list;
  }
  const Value& next() {
    if (tuple_) {
      require(used_ < tuple_->items.size(), "not enough arguments for format string");
      return tuple_->items[used_++];
    }
    require(used_++ == 0, "not enough arguments for format string");
    return all_;
  }
  const Value& named(std::string_view key) {
    require(all_.dict() != nullptr, "format requires a mapping");
    used_ = 1;
    const Value* value = all_.dict()->find(key);
    require(value != nullptr, "format has no argument {}", quote(key));
    return *value;
  }
  void expect_all_used() const {
    require(tuple_ ? used_ == tuple_->items.size() : used_ > 0 || all_.dict() || all_.list(),
            "not all arguments converted during string formatting");
  }

 private:
  const Value& all_;
  const List* tuple_ = nullptr;
  size_t used_ = 0;
};

int64_t percent_number(std::string_view text, size_t& at, PercentArguments& arguments) {
  if (at >= text.size() || text[at] != '*') return read_number(text, at);
  ++at;
  const Value& value = arguments.next();
  const int64_t* number = value.as<int64_t>();
  require(number && *number >= 0 && *number <= kMaxWidth, "'*' in a format needs an integer from 0 to {}", kMaxWidth);
  return *number;
}

MarkedText percent_item(std::string_view text, size_t& at, PercentArguments& arguments) {
  const Value* value = nullptr;
  if (at < text.size() && text[at] == '(') {
    const size_t close = text.find(')', at);
    require(close != text.npos, "incomplete format key");
    value = &arguments.named(text.substr(at + 1, close - at - 1));
    at = close + 1;
  }
  Spec spec;
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '-') {
      spec.align = '<';
    } else if (c == '0' && spec.align != '<') {
      spec.align = '=', spec.fill[0] = '0';
    } else if (c == '+' || (c == ' ' && spec.sign != '+')) {
      spec.sign = c;
    } else if (c == '#') {
      spec.alternate = true;
    } else if (c != '0' && c != ' ') {
      break;
    }
  }
  spec.width = percent_number(text, at, arguments);
  if (at < text.size() && text[at] == '.') spec.precision = percent_number(text, ++at, arguments);
  require(at < text.size(), "incomplete format");
  spec.type = text[at++];
  if (spec.type == '%') return MarkedText("%", true);
  if (!value) value = &arguments.next();
  if (spec.type == 's' || spec.type == 'r' || spec.type == 'c') {
    if (spec.align == '=') spec.align = '>', spec.fill[0] = ' ';
    return format_text(spec.type == 'r' ? to_repr(*value) : to_text(*value), spec, '>');
  }
  if (spec.type == 'u') spec.type = 'd';
  require(value->is_number(), "%{} format: a real number is required, not {}", spec.type, type_name(*value));
  return format_number(*value, spec);
}

Spec parse_spec(std::string_view text) {
  Spec spec;
  size_t at = 0;
  const auto is_align = [&](size_t i) {
    return i < text.size() && std::string_view("<>^=").find(text[i]) != text.npos;
  };
  size_t after_fill = 0;
  if (!text.empty()) next_utf8(text, after_fill);
  if (is_align(after_fill)) {
    spec.fill = text.substr(0, after_fill);
    spec.align = text[after_fill];
    at = after_fill + 1;
  } else if (is_align(0)) {
    spec.align = text[at++];
  }
  if (at < text.size() && std::string_view("+- ").find(text[at]) != std::string_view::npos) spec.sign = text[at++];
  if (at < text.size() && text[at] == '#') spec.alternate = true, ++at;
  if (at < text.size() && text[at] == '0') {
    if (!spec.align) spec.align = '=', spec.fill[0] = '0';
    ++at;
  }
  spec.width = read_number(text, at);
  if (at < text.size() && text[at] == ',') spec.grouped = true, ++at;
  if (at < text.size() && text[at] == '.') spec.precision = read_number(text, ++at);
  if (at < text.size()) spec.type = text[at++];
  require(at == text.size(), "bad format {}", quote(text));
  return spec;
}

MarkedText format_with(const Value& value, char conversion, std::string_view spec_text) {
  Spec spec = parse_spec(spec_text);
  if (value.is_number() && !conversion && spec.type != 's') {
    if (spec_text.empty() || value.is<bool>()) return pad(to_text(value), spec, '>');
    return format_number(value, spec);
  }
  require(!spec.type || spec.type == 's', "format code '{}' does not suit '{}'", spec.type, type_name(value));
  return format_text(conversion == 'r' ? to_repr(value) : to_text(value), spec, '<');
}

/// `name`, `0` or nothing, then any `.attribute` and `[item]`.
Value brace_value(Runtime& runtime, std::string_view field, const Args& args, size_t& automatic) {
  size_t at = std::min(field.find_first_of(".["), field.size());
  const std::string_view name = field.substr(0, at);
  Value value;
  if (name.empty() || (name[0] >= '0' && name[0] <= '9')) {
    size_t digit = 0;
    const size_t index = name.empty() ? automatic++ : static_cast<size_t>(read_number(name, digit));
    require(index < args.positional.size(), "format has no argument {}", index);
    value = args.positional[index];
  } else {
    const Value* found = nullptr;
    for (const auto& [key, argument] : args.named)
      if (key == name) found = &argument;
    require(found != nullptr, "format has no argument {}", quote(name));
    value = *found;
  }
  while (at < field.size()) {
    const bool item = field[at] == '[';
    const size_t end = item ? field.find(']', at) : std::min(field.find_first_of(".[", at + 1), field.size());
    require(end != field.npos, "bad format field {}", quote(field));
    const std::string_view key = field.substr(at + 1, end - at - 1);
    size_t digit = 0;
    const bool number = item && !key.empty() && key.find_first_not_of("0123456789") == key.npos;
    value = number ? get_item(runtime, value, Value(read_number(key, digit)))
            : item ? get_item(runtime, value, runtime.string(key))
                   : get_attribute(runtime, value, key);
    at = end + (item ? 1 : 0);
    require(at >= field.size() || field[at] == '.' || field[at] == '[', "bad format field {}", quote(field));
  }
  return value;
}

}  // namespace

MarkedText format_percent(Runtime& runtime, const MarkedText& format, const Value& arguments) {
  runtime.work(weight(arguments));
  const std::string_view text = format.bytes();
  PercentArguments source(arguments);
  MarkedText out;
  for (size_t at = 0; at < text.size();) {
    const size_t percent = std::min(text.find('%', at), text.size());
    out.append(format, at, percent);
    at = percent;
    if (at == text.size()) break;
    runtime.work(weight(arguments));
    out.append(percent_item(text, ++at, source));
  }
  source.expect_all_used();
  return out;
}

MarkedText format_braces(Runtime& runtime, const MarkedText& format, const Args& args) {
  const std::string_view text = format.bytes();
  size_t automatic = 0;
  MarkedText out;
  for (size_t at = 0; at < text.size();) {
    const size_t brace = std::min(text.find_first_of("{}", at), text.size());
    out.append(format, at, brace);
    at = brace;
    if (at == text.size()) break;
    if (at + 1 < text.size() && text[at + 1] == text[at]) {  // a doubled brace is itself
      out.append(format, at, at + 1);
      at += 2;
      continue;
    }
    const size_t close = text[at] == '{' ? text.find('}', at) : text.npos;
    require(close != text.npos, "single '{}' in a format string", text[at]);
    std::string_view field = text.substr(at + 1, close - at - 1), spec;
    if (const size_t colon = field.find(':'); colon != field.npos) {
      spec = field.substr(colon + 1);
      field = field.substr(0, colon);
    }
    char conversion = '\0';
    if (const size_t bang = field.find('!'); bang != field.npos) {
      require(bang + 2 == field.size() && (field[bang + 1] == 'r' || field[bang + 1] == 's'), "bad format field {}",
              quote(field));
      conversion = field[bang + 1];
      field = field.substr(0, bang);
    }
    const Value value = brace_value(runtime, field, args, automatic);
    runtime.work(weight(value));
    out.append(format_with(value, conversion, spec));
    at = close + 1;
  }
  return out;
}

}  // namespace dure::jinja
