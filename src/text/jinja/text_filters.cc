// Filters on text and numbers.

#include <charconv>
#include <cmath>
#include <optional>

#include "base/error.h"
#include "base/json.h"
#include "base/markup.h"
#include "text/jinja/characters.h"
#include "text/jinja/operators.h"
#include "text/jinja/print.h"
#include "text/jinja/table.h"
#include "text/jinja/text_ops.h"

namespace dure::jinja {
namespace {

template <auto map>
Value map_text(Runtime& runtime, const Value& input, const Args& args) {
  args.expect_none("the filter");
  return runtime.string(map_pieces(to_text(input), map));
}

template <auto change>
Value change_text(Runtime& runtime, const Value& input, const Args& args) {
  args.expect_none("the filter");
  return runtime.string(change(to_text(input)));
}

Value trim(Runtime& runtime, const Value& input, const Args& args) {
  return runtime.string(strip(to_text(input), args.bind("trim", {"chars"}).text(0), kBoth));
}

Value replace_filter(Runtime& runtime, const Value& input, const Args& args) {
  const Parameters p = args.bind("replace", {"old", "new", "count"}, 2);
  return runtime.string(replace(to_text(input), to_text(p[0]), to_text(p[1]), p.integer_or(2, -1)));
}

std::string escape_url(std::string_view text) {
  static constexpr std::string_view kSafe = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-~/";
  std::string out;
  for (const char c : text)
    out += kSafe.find(c) != kSafe.npos ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  return out;
}

Value as_string(Runtime& runtime, const Value& input, const Args& args) {
  args.expect_none("string");
  runtime.work(weight(input));
  return runtime.string(to_text(input));
}

Value indent(Runtime& runtime, const Value& input, const Args& args) {
  const Parameters p = args.bind("indent", {"width", "first", "blank"});
  MarkedText by(std::string(4, ' '), true);
  if (p.has(0) && p[0].text()) {
    by = *p[0].text();
  } else if (p.has(0)) {
    const int64_t width = p.integer_or(0, 4);
    require(width <= kMaxRange, "indent is wider than {}", kMaxRange);
    by = MarkedText(std::string(static_cast<size_t>(std::max<int64_t>(width, 0)), ' '), true);
  }
  MarkedText text = to_text(input);
  text.append("\n", true);
  MarkedText out;
  if (p.flag_or(1, false)) out.append(by);
  for (bool first = true; const MarkedText& line : split_lines(text, false)) {
    if (!first) {
      out.append("\n", true);
      if (!line.empty() || p.flag_or(2, false)) out.append(by);
    }
    first = false;
    out.append(line);
  }
  return runtime.string(std::move(out));
}

Value truncate(Runtime& runtime, const Value& input, const Args& args) {
  const Parameters p = args.bind("truncate", {"length", "killwords", "end", "leeway"});
  const MarkedText text = to_text(input), dots("...", true);
  const MarkedText& end = p.text(2) ? *p.text(2) : dots;
  const int64_t length = p.integer_or(0, 255);
  const auto kept = length - static_cast<int64_t>(count_characters(end.bytes()));
  require(kept >= 0, "truncate: the end is longer than the length {}", length);
  if (static_cast<int64_t>(count_characters(text.bytes())) <= length + std::min<int64_t>(p.integer_or(3, 5), kMaxRange))
    return runtime.string(text);
  MarkedText out = text.slice(0, byte_offset(text.bytes(), static_cast<size_t>(kept)));
  if (const size_t space = out.bytes().rfind(' '); space != std::string::npos && !p.flag_or(1, false))
    out = out.slice(0, space);
  out.append(end);
  return runtime.string(std::move(out));
}

Value center(Runtime& runtime, const Value& input, const Args& args) {
  const Parameters p = args.bind("center", {"width"});
  return find_string_method("center")(runtime, runtime.string(to_text(input)), Args{{Value(p.integer_or(0, 80))}, {}});
}

Value word_count(Runtime&, const Value& input, const Args& args) {
  args.expect_none("wordcount");
  return integer_value(split(to_text(input), nullptr, -1).size());
}

Value format(Runtime& runtime, const Value& input, const Args& args) {
  const MarkedText text = to_text(input);
  require(args.positional.empty() || args.named.empty(), "format takes positional or named arguments, not both");
  if (args.named.empty()) return runtime.string(format_percent(runtime, text, runtime.heap().tuple(args.positional)));
  std::vector<std::pair<Value, Value>> items;
  for (const auto& [name, value] : args.named) items.emplace_back(runtime.string(name), value);
  return runtime.string(format_percent(runtime, text, runtime.heap().dict(std::move(items))));
}

Value tojson(Runtime& runtime, const Value& input, const Args& args) {
  const Parameters p = args.bind("tojson", {"indent", "ensure_ascii", "separators", "sort_keys"});
  runtime.work(weight(input));
  require_defined(input);
  JsonStyle style;
  style.ensure_ascii = p.flag_or(1, false);
  style.sort_keys = p.flag_or(3, false);
  if (p.has(0) && !p[0].is<None>()) {
    style.indent = static_cast<int>(std::clamp<int64_t>(p.integer_or(0, 0), 0, 1000));
    style.item_separator.pop_back();  // "," before a newline
  }
  if (p.has(2) && !p[2].is<None>()) {
    const List* pair = p[2].list();
    require(pair && pair->items.size() == 2 && pair->items[0].text() && pair->items[1].text(),
            "tojson: separators must be a pair of strings");
    style.item_separator = pair->items[0].text()->bytes();
    style.key_separator = pair->items[1].text()->bytes();
  }
  return runtime.string(to_json(input, style));
}

/// Reads JSON text, as some published templates expect; what comes out is data, not template text.
Value from_json(Runtime& runtime, const Value& input, const Args& args) {
  args.expect_none("from_json");
  require(input.text() != nullptr, "from_json needs a string, not '{}'", type_name(input));
  return runtime.heap().from_json(parse_json(input.text()->bytes(), "from_json"), false);
}

std::string number_text(const Value& input) {
  std::string text = strip(*input.text(), nullptr, kBoth).bytes();
  std::erase(text, '_');
  if (!text.empty() && text[0] == '+') text.erase(0, 1);
  return text;
}

std::optional<double> parse_float(const Value& input) {
  if (input.is_number()) return to_double(input);
  if (!input.text()) return std::nullopt;
  const std::string text = number_text(input);
  double number = 0;
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || status != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

Value as_int(Runtime&, const Value& input, const Args& args) {
  const Parameters p = args.bind("int", {"default", "base"});
  require_defined(input);
  if (const int64_t* i = input.as<int64_t>()) return *i;
  if (input.text()) {
    std::string text = number_text(input);
    const bool negative = !text.empty() && text[0] == '-';
    const int64_t base = p.integer_or(1, 10);
    require(base >= 2 && base <= 36, "int: base must be from 2 to 36");
    const size_t digits = negative ? 1 : 0;
    const char marker =
        text.size() > digits + 2 && text[digits] == '0' ? static_cast<char>(text[digits + 1] | 0x20) : ' ';
    if ((base == 16 && marker == 'x') || (base == 8 && marker == 'o') || (base == 2 && marker == 'b'))
      text.erase(digits, 2);
    int64_t number = 0;
    const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), number, static_cast<int>(base));
    if (!text.empty() && status == std::errc() && end == text.data() + text.size()) return number;
  }
  if (const auto number = parse_float(input); number && std::abs(*number) < 9.2e18)
    return static_cast<int64_t>(*number);
  return p.has(0) ? p[0] : Value(int64_t{0});
}

Value as_float(Runtime&, const Value& input, const Args& args) {
  const Parameters p = args.bind("float", {"default"});
  require_defined(input);
  if (const auto number = parse_float(input)) return *number;
  return p.has(0) ? p[0] : Value(0.0);
}

Value absolute(Runtime&, const Value& input, const Args& args) {
  args.expect_none("abs");
  return to_double(input) < 0 ? negate(input) : input;
}

Value round_filter(Runtime&, const Value& input, const Args& args) {
  const Parameters p = args.bind("round", {"precision", "method"});
  const int64_t precision = p.integer_or(0, 0);
  require(precision >= -300 && precision <= 300, "round: precision must be from -300 to 300");
  const std::string method = p.text(1) ? p.text(1)->bytes() : "common";
  const double number = to_double(input);
  if (method == "ceil" || method == "floor") {
    const double scale = std::pow(10.0, static_cast<double>(precision));
    return (method == "ceil" ? std::ceil(number * scale) : std::floor(number * scale)) / scale;
  }
  require(method == "common", "round: method must be common, ceil or floor");
  if (!input.is<double>() && precision >= 0) return input;
  double rounded = 0;
  if (precision >= 0) {  // through decimal digits, as Python rounds
    const std::string digits = fmt::format("{:.{}f}", number, precision);
    std::from_chars(digits.data(), digits.data() + digits.size(), rounded);
  } else {
    const double scale = std::pow(10.0, static_cast<double>(-precision));
    rounded = std::nearbyint(number / scale) * scale;
  }
  if (input.is<double>()) return rounded;
  require(std::abs(rounded) < 9.2e18, "an integer does not fit 64 bits");
  return static_cast<int64_t>(rounded);
}

Value default_filter(Runtime& runtime, const Value& input, const Args& args) {
  const Parameters p = args.bind("default", {"default_value", "boolean"});
  const bool use_default = input.is<Undefined>() || (p.flag_or(1, false) && !truthy(input));
  if (!use_default) return input;
  return p.has(0) ? p[0] : runtime.string(std::string_view());
}

Value same(Runtime&, const Value& input, const Args&) { return input; }

constexpr NamedNative kFilters[] = {
    {"upper", map_text<upper>},
    {"lower", map_text<lower>},
    {"title", change_text<title>},
    {"capitalize", change_text<capitalize>},
    {"escape", map_text<escape_markup>},
    {"e", map_text<escape_markup>},
    {"forceescape", map_text<escape_markup>},
    {"urlencode", map_text<escape_url>},
    {"safe", same},
    {"trim", trim},
    {"replace", replace_filter},
    {"string", as_string},
    {"indent", indent},
    {"truncate", truncate},
    {"center", center},
    {"wordcount", word_count},
    {"format", format},
    {"tojson", tojson},
    {"from_json", from_json},
    {"fromjson", from_json},
    {"int", as_int},
    {"float", as_float},
    {"abs", absolute},
    {"round", round_filter},
    {"default", default_filter},
    {"d", default_filter},
};

}  // namespace

Native find_text_filter(std::string_view name) { return look_up(kFilters, name); }

Native find_filter(std::string_view name) {
  if (const Native native = find_text_filter(name)) return native;
  return find_sequence_filter(name);
}

}  // namespace dure::jinja
