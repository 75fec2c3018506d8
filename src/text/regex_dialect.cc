#include "text/regex_dialect.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/error.h"

namespace dure {
namespace {

// Inside [...] and, with brackets around, outside.
constexpr std::string_view kWord = R"(\p{Alphabetic}\p{M}\p{Nd}\p{Pc})";
constexpr std::string_view kHex = "0-9A-Fa-f";

/// Long names of general categories; PCRE2 knows the short ones only.
constexpr std::array<std::pair<std::string_view, std::string_view>, 10> kCategories = {{
    {"Letter", "L"},
    {"Lowercase_Letter", "Ll"},
    {"Uppercase_Letter", "Lu"},
    {"Mark", "M"},
    {"Number", "N"},
    {"Decimal_Number", "Nd"},
    {"Punctuation", "P"},
    {"Symbol", "S"},
    {"Separator", "Z"},
    {"Other", "C"},
}};

/// Properties that are no script.
constexpr std::array<std::string_view, 11> kProperties = {
    "Any",   "Alphabetic", "Lowercase", "Uppercase",   "White_Space",           "Emoji",
    "Cased", "ID_Start",   "Dash",      "Ideographic", "Extended_Pictographic",
};

class Translator {
 public:
  explicit Translator(std::string_view pattern) : in_(pattern) {}

  std::string run() {
    while (at_ < in_.size()) {
      const char c = in_[at_];
      if (c == '\\') {
        escape();
      } else if (c == '[') {
        open_class();
      } else if (c == ']' && in_class_) {
        in_class_ = false;
        out_ += in_[at_++];
      } else {
        require(!(in_class_ && in_.substr(at_).starts_with("&&")),
                "'&&' in a character class is not supported (at byte {})", at_);
        out_ += in_[at_++];
      }
    }
    return std::move(out_);
  }

 private:
  void open_class() {
    if (in_class_) {
      // "[:alpha:]" means the same to both; a nested class does not.
      require(in_.substr(at_).starts_with("[:"), "a nested character class is not supported (at byte {})", at_);
      const size_t end = in_.find(":]", at_);
      require(end != std::string_view::npos, "an unfinished [: :] (at byte {})", at_);
      out_ += in_.substr(at_, end + 2 - at_);
      at_ = end + 2;
      return;
    }
    in_class_ = true;
    out_ += in_[at_++];
    if (at_ < in_.size() && in_[at_] == '^') out_ += in_[at_++];
    if (at_ < in_.size() && in_[at_] == ']') {  // a leading ] is a literal
      out_ += "\\]";
      ++at_;
    }
  }

  /// A set of characters by its contents, negated or not.
  void set(std::string_view members, bool negated) {
    if (!in_class_) {
      out_ += negated ? "[^" : "[";
      out_ += members;
      out_ += "]";
    } else {
      require(!negated, "a negated \\W or \\H inside a character class is not supported (at byte {})", at_);
      out_ += members;
    }
  }

  void escape() {
    require(at_ + 1 < in_.size(), "a backslash at the end");
    const char c = in_[at_ + 1];
    at_ += 2;
    switch (c) {
      case 's': out_ += "\\p{White_Space}"; break;
      case 'S': out_ += "\\P{White_Space}"; break;
      case 'w': set(kWord, false); break;
      case 'W': set(kWord, true); break;
      case 'h': set(kHex, false); break;
      case 'H': set(kHex, true); break;
      case 'b': out_ += in_class_ ? "\\b" : boundary(true); break;
      case 'B': out_ += boundary(false); break;
      case 'u': code_point(); break;
      case 'p':
      case 'P': property(c); break;
      default: out_ += '\\'; out_ += c;
    }
  }

  static std::string boundary(bool is) {
    const std::string word = fmt::format("[{}]", kWord);
    return is ? fmt::format("(?:(?<={0})(?!{0})|(?<!{0})(?={0}))", word)
              : fmt::format("(?:(?<={0})(?={0})|(?<!{0})(?!{0}))", word);
  }

  void code_point() {
    std::string_view digits;
    if (at_ < in_.size() && in_[at_] == '{') {
      const size_t end = in_.find('}', at_);
      require(end != std::string_view::npos, "an unfinished \\u{{ (at byte {})", at_);
      digits = in_.substr(at_ + 1, end - at_ - 1);
      at_ = end + 1;
    } else {
      digits = in_.substr(at_, 4);
      at_ += digits.size();
    }
    out_ += fmt::format("\\x{{{}}}", digits);
  }

  void property(char p) {
    out_ += '\\';
    out_ += p;
    if (at_ >= in_.size() || in_[at_] != '{') return;  // \pL
    const size_t end = in_.find('}', at_);
    require(end != std::string_view::npos, "an unfinished \\p{{ (at byte {})", at_);
    std::string_view name = in_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    const bool negated = name.starts_with('^');
    if (negated) name.remove_prefix(1);
    for (const std::string_view key : {"Script=", "sc=", "General_Category=", "gc="})
      if (name.starts_with(key)) name.remove_prefix(key.size());
    const auto category =
        std::find_if(kCategories.begin(), kCategories.end(), [&](const auto& entry) { return entry.first == name; });
    if (category != kCategories.end()) name = category->second;
    const bool is_script =
        name.size() > 2 && std::find(kProperties.begin(), kProperties.end(), name) == kProperties.end();
    out_ += fmt::format("{{{}{}{}}}", negated ? "^" : "", is_script ? "sc:" : "", name);
  }

  std::string_view in_;
  size_t at_ = 0;
  bool in_class_ = false;
  std::string out_;
};

}  // namespace

std::string to_pcre2(std::string_view pattern) { return Translator(pattern).run(); }

}  // namespace dure
