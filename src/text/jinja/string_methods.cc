// The methods of Python's str.

#include <algorithm>

#include "base/error.h"
#include "text/jinja/characters.h"
#include "text/jinja/operators.h"
#include "text/jinja/print.h"
#include "text/jinja/table.h"
#include "text/jinja/text_ops.h"

namespace dure::jinja {
namespace {

const MarkedText& self_text(const Value& self) { return *self.text(); }

Value text_list(Runtime& runtime, std::vector<MarkedText> parts) {
  std::vector<Value> items;
  items.reserve(parts.size());
  for (MarkedText& part : parts) items.push_back(runtime.string(std::move(part)));
  return runtime.heap().list(std::move(items));
}

template <Sides sides>
Value strip_method(Runtime& runtime, const Value& self, const Args& args) {
  return runtime.string(strip(self_text(self), args.bind("strip", {"chars"}).text(0), sides));
}

template <auto cut>
Value split_method(Runtime& runtime, const Value& self, const Args& args) {
  const Parameters p = args.bind("split", {"sep", "maxsplit"});
  return text_list(runtime, cut(self_text(self), p.text(0), p.integer_or(1, -1)));
}

Value splitlines(Runtime& runtime, const Value& self, const Args& args) {
  return text_list(runtime, split_lines(self_text(self), args.bind("splitlines", {"keepends"}).flag_or(0, false)));
}

template <auto map>
Value map_method(Runtime& runtime, const Value& self, const Args& args) {
  args.expect_none("a case method");
  return runtime.string(map_pieces(self_text(self), map));
}

template <auto change>
Value change_method(Runtime& runtime, const Value& self, const Args& args) {
  args.expect_none("a case method");
  return runtime.string(change(self_text(self)));
}

/// True if there is text and all its characters fit.
template <auto fits>
Value all_method(Runtime&, const Value& self, const Args& args) {
  args.expect_none("a character test");
  const std::string& text = self_text(self).bytes();
  return !text.empty() && leading(text, fits) == text.size();
}

/// isupper and islower: some cased character, and none of the other case.
template <auto wanted, auto unwanted>
Value case_method(Runtime&, const Value& self, const Args& args) {
  args.expect_none("a case test");
  const std::string& text = self_text(self).bytes();
  bool some = false;
  for (size_t at = 0; at < text.size();) {
    const char32_t c = next_utf8(text, at);
    if (unwanted(c)) return false;
    some = some || wanted(c);
  }
  return some;
}

/// The bytes of self between the character positions `start` and `end`; none if start lies past the end.
struct Window {
  size_t begin, end;
  bool valid;
};

Window window(const std::string& text, const Parameters& p) {
  const auto n = static_cast<int64_t>(count_characters(text));
  const auto place = [&](int64_t i) { return std::max<int64_t>(i < 0 ? i + n : i, 0); };
  const int64_t start = place(std::max(p.integer_or(1, 0), -INT64_MAX)), end = std::min(place(p.integer_or(2, n)), n);
  if (start > end) return {0, 0, false};
  return {byte_offset(text, static_cast<size_t>(start)), byte_offset(text, static_cast<size_t>(end)), true};
}

template <bool at_end>
Value affix_method(Runtime&, const Value& self, const Args& args) {
  const Parameters p = args.bind(at_end ? "endswith" : "startswith", {"prefix", "start", "end"}, 1);
  const Window in = window(self_text(self).bytes(), p);
  if (!in.valid) return false;
  const auto text = std::string_view(self_text(self).bytes()).substr(in.begin, in.end - in.begin);
  const auto fits = [&](const Value& affix) {
    require_defined(affix);
    require(affix.text() != nullptr, "startswith and endswith take a string or a tuple of strings, not '{}'",
            type_name(affix));
    const std::string& bytes = affix.text()->bytes();
    return at_end ? text.ends_with(bytes) : text.starts_with(bytes);
  };
  const List* options = p[0].list();
  if (!options) return fits(p[0]);
  return std::any_of(options->items.begin(), options->items.end(), fits);
}

template <bool from_right, bool must_be_there>
Value find_method_of_string(Runtime&, const Value& self, const Args& args) {
  const Parameters p = args.bind("find", {"sub", "start", "end"}, 1);
  const MarkedText* wanted = p.text(0);
  require(wanted != nullptr, "find needs a string");
  const std::string& text = self_text(self).bytes();
  const Window in = window(text, p);
  size_t found = std::string_view::npos;
  if (in.valid) {
    const auto part = std::string_view(text).substr(in.begin, in.end - in.begin);
    found = from_right ? part.rfind(wanted->bytes()) : part.find(wanted->bytes());
  }
  if (found == std::string_view::npos) {
    require(!must_be_there, "substring not found");
    return int64_t{-1};
  }
  return integer_value(count_characters(std::string_view(text).substr(0, in.begin + found)));
}

Value count(Runtime&, const Value& self, const Args& args) {
  const Parameters p = args.bind("count", {"sub", "start", "end"}, 1);
  const MarkedText* wanted = p.text(0);
  require(wanted != nullptr, "count needs a string");
  const Window in = window(self_text(self).bytes(), p);
  if (!in.valid) return int64_t{0};
  const auto text = std::string_view(self_text(self).bytes()).substr(in.begin, in.end - in.begin);
  if (wanted->empty()) return integer_value(count_characters(text) + 1);
  int64_t n = 0;
  for (size_t at = text.find(wanted->bytes()); at != text.npos; at = text.find(wanted->bytes(), at + wanted->size()))
    ++n;
  return n;
}

Value replace_method(Runtime& runtime, const Value& self, const Args& args) {
  const Parameters p = args.bind("replace", {"old", "new", "count"}, 2);
  require(p.text(0) && p.text(1), "replace needs two strings");
  return runtime.string(replace(self_text(self), *p.text(0), *p.text(1), p.integer_or(2, -1)));
}

Value join(Runtime& runtime, const Value& self, const Args& args) {
  const Parameters p = args.bind("join", {"iterable"}, 1);
  require_defined(p[0]);
  MarkedText out;
  for (bool first = true; const Value& item : iterate(runtime, p[0])) {
    require(item.text() != nullptr, "join needs strings, found '{}'", type_name(item));
    if (!first) out.append(self_text(self));
    first = false;
    out.append(*item.text());
  }
  return runtime.string(std::move(out));
}

template <bool suffix>
Value remove_method(Runtime& runtime, const Value& self, const Args& args) {
  const Parameters p = args.bind(suffix ? "removesuffix" : "removeprefix", {"affix"}, 1);
  require(p.text(0) != nullptr, "removeprefix and removesuffix need a string");
  const MarkedText& text = self_text(self);
  const std::string& affix = p.text(0)->bytes();
  if (suffix ? !text.bytes().ends_with(affix) : !text.bytes().starts_with(affix)) return self;
  return runtime.string(suffix ? text.slice(0, text.size() - affix.size()) : text.slice(affix.size(), text.size()));
}

template <bool from_right>
Value partition(Runtime& runtime, const Value& self, const Args& args) {
  const Parameters p = args.bind("partition", {"sep"}, 1);
  const MarkedText* separator = p.text(0);
  require(separator && !separator->empty(), "partition needs a separator");
  const MarkedText& text = self_text(self);
  const size_t at = from_right ? text.bytes().rfind(separator->bytes()) : text.bytes().find(separator->bytes());
  const Value nothing = runtime.string(std::string_view());
  if (at == std::string::npos)
    return runtime.heap().tuple(from_right ? std::vector<Value>{nothing, nothing, self}
                                           : std::vector<Value>{self, nothing, nothing});
  return runtime.heap().tuple({runtime.string(text.slice(0, at)), runtime.string(*separator),
                               runtime.string(text.slice(at + separator->size(), text.size()))});
}

enum class Justify { kLeft, kRight, kCenter };

template <Justify how>
Value justify(Runtime& runtime, const Value& self, const Args& args) {
  const Parameters p = args.bind("ljust, rjust or center", {"width", "fillchar"}, 1);
  const MarkedText space(" ", true);
  const MarkedText& fill = p.text(1) ? *p.text(1) : space;
  require(count_characters(fill.bytes()) == 1, "the fill character must be exactly one character long");
  const int64_t missing = p.integer_or(0, 0) - static_cast<int64_t>(count_characters(self_text(self).bytes()));
  if (missing <= 0) return self;
  require(missing <= kMaxRange, "a string is padded by more than {}", kMaxRange);
  const int64_t width = missing + static_cast<int64_t>(count_characters(self_text(self).bytes()));
  const int64_t before = how == Justify::kLeft    ? 0
                         : how == Justify::kRight ? missing
                                                  : missing / 2 + (missing & width & 1);
  MarkedText out;
  for (int64_t i = 0; i < before; ++i) out.append(fill);
  out.append(self_text(self));
  for (int64_t i = before; i < missing; ++i) out.append(fill);
  return runtime.string(std::move(out));
}

Value zfill(Runtime& runtime, const Value& self, const Args& args) {
  const Parameters p = args.bind("zfill", {"width"}, 1);
  const MarkedText& text = self_text(self);
  const int64_t missing = p.integer_or(0, 0) - static_cast<int64_t>(count_characters(text.bytes()));
  if (missing <= 0) return self;
  require(missing <= kMaxRange, "a string is padded by more than {}", kMaxRange);
  const size_t sign = !text.empty() && (text.bytes()[0] == '-' || text.bytes()[0] == '+') ? 1 : 0;
  MarkedText out = text.slice(0, sign);
  out.append(std::string(static_cast<size_t>(missing), '0'), true);
  out.append(text, sign, text.size());
  return runtime.string(std::move(out));
}

Value format(Runtime& runtime, const Value& self, const Args& args) {
  return runtime.string(format_braces(runtime, self_text(self), args));
}

std::string swap_case(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const size_t begin = at;
    const bool is_capital = is_upper(next_utf8(text, at));
    out += is_capital ? lower(text.substr(begin, at - begin)) : upper(text.substr(begin, at - begin));
  }
  return out;
}

bool is_alnum(char32_t c) { return is_alpha(c) || is_digit(c); }
bool is_ascii(char32_t c) { return c < 0x80; }

constexpr NamedNative kMethods[] = {
    {"strip", strip_method<kBoth>},
    {"lstrip", strip_method<kLeft>},
    {"rstrip", strip_method<kRight>},
    {"split", split_method<split>},
    {"rsplit", split_method<split_from_right>},
    {"splitlines", splitlines},
    {"upper", map_method<upper>},
    {"lower", map_method<lower>},
    {"casefold", map_method<lower>},
    {"swapcase", map_method<swap_case>},
    {"title", change_method<title>},
    {"capitalize", change_method<capitalize>},
    {"startswith", affix_method<false>},
    {"endswith", affix_method<true>},
    {"find", find_method_of_string<false, false>},
    {"rfind", find_method_of_string<true, false>},
    {"index", find_method_of_string<false, true>},
    {"rindex", find_method_of_string<true, true>},
    {"count", count},
    {"replace", replace_method},
    {"join", join},
    {"format", format},
    {"removeprefix", remove_method<false>},
    {"removesuffix", remove_method<true>},
    {"partition", partition<false>},
    {"rpartition", partition<true>},
    {"ljust", justify<Justify::kLeft>},
    {"rjust", justify<Justify::kRight>},
    {"center", justify<Justify::kCenter>},
    {"zfill", zfill},
    {"isdigit", all_method<is_digit>},
    {"isdecimal", all_method<is_digit>},
    {"isnumeric", all_method<is_digit>},
    {"isalpha", all_method<is_alpha>},
    {"isalnum", all_method<is_alnum>},
    {"isspace", all_method<is_space>},
    {"isascii", all_method<is_ascii>},
    {"isupper", case_method<is_upper, is_lower>},
    {"islower", case_method<is_lower, is_upper>},
};

}  // namespace

Native find_string_method(std::string_view name) { return look_up(kMethods, name); }

}  // namespace dure::jinja
