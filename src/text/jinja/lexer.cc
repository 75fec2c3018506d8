#include "text/jinja/lexer.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "text/jinja/characters.h"

namespace dure::jinja {
namespace {

/// "\r\n" and "\r" become "\n", what is not UTF-8 U+FFFD, and one newline at the end is dropped.
std::string normalise(std::string_view bytes) {
  const std::string source = sanitize_utf8(bytes);
  std::string out;
  out.reserve(source.size());
  for (size_t i = 0; i < source.size(); ++i) {
    if (source[i] == '\r') {
      out += '\n';
      if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
    } else {
      out += source[i];
    }
  }
  if (!out.empty() && out.back() == '\n') out.pop_back();
  return out;
}

bool is_digit_ascii(char c) { return c >= '0' && c <= '9'; }
bool is_name_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}
bool is_name_char(char c) { return is_name_start(c) || is_digit_ascii(c); }

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(normalise(source)), rest_(source_) {}

  std::vector<Token> run() {
    while (at_ < rest_.size()) text();
    add(Token::kEnd, "");
    return std::move(tokens_);
  }

 private:
  template <typename... Args>
  [[noreturn]] void error(fmt::format_string<Args...> format, Args&&... args) const {
    fail("line {}: {}", line_, fmt::format(format, std::forward<Args>(args)...));
  }

  bool looking_at(std::string_view what) const { return rest_.compare(at_, what.size(), what) == 0; }
  char peek(size_t ahead = 0) const { return at_ + ahead < rest_.size() ? rest_[at_ + ahead] : '\0'; }

  void advance_to(size_t end) {
    line_ += static_cast<int>(std::count(rest_.begin() + at_, rest_.begin() + end, '\n'));
    at_ = end;
  }
  void skip_space() { advance_to(at_ + leading(rest_.substr(at_), is_space)); }
  void add(Token::Kind kind, std::string text) { tokens_.push_back({kind, line_, std::move(text)}); }

  /// Plain text up to the next tag, then the tag.
  void text() {
    size_t open = rest_.find('{', at_);
    while (open != rest_.npos &&
           !(open + 1 < rest_.size() && (rest_[open + 1] == '{' || rest_[open + 1] == '%' || rest_[open + 1] == '#')))
      open = rest_.find('{', open + 1);
    if (open == rest_.npos) open = rest_.size();

    std::string_view data = rest_.substr(at_, open - at_);
    const char kind = open + 1 < rest_.size() ? rest_[open + 1] : '\0';
    const char sign = open + 2 < rest_.size() ? rest_[open + 2] : '\0';
    if (kind != '\0') data = strip_before(data, kind, sign);
    if (!data.empty()) add(Token::kData, std::string(data));
    advance_to(open);
    if (kind == '\0') return;

    advance_to(at_ + (sign == '-' || sign == '+' ? 3 : 2));
    if (kind == '#') return comment();
    if (kind == '{') return code(Token::kPrintBegin, Token::kPrintEnd);
    if (!raw()) code(Token::kBlockBegin, Token::kBlockEnd);
  }

  /// The text before a tag, less what the tag's sign or lstrip_blocks takes away.
  std::string_view strip_before(std::string_view data, char kind, char sign) const {
    if (sign == '-') return data.substr(0, data.size() - trailing(data, is_space));
    if (sign == '+' || kind == '{') return data;
    const size_t newline = data.rfind('\n');
    if (newline == data.npos && !at_line_start_) return data;
    const size_t begin = newline == data.npos ? 0 : newline + 1;
    return leading(data.substr(begin), is_space) == data.size() - begin ? data.substr(0, begin) : data;
  }

  /// After the end of a tag: `-` takes the white space that follows, trim_blocks one newline.
  void strip_after(bool minus, bool trim_newline) {
    const size_t begin = at_;
    if (minus) {
      skip_space();
    } else if (trim_newline && peek() == '\n') {
      advance_to(at_ + 1);
    }
    at_line_start_ = at_ > begin && rest_[at_ - 1] == '\n';
  }

  void comment() {
    const size_t end = rest_.find("#}", at_);
    if (end == rest_.npos) error("missing end of comment tag '#}}'");
    const char sign = end > at_ ? rest_[end - 1] : '\0';
    advance_to(end + 2);
    strip_after(sign == '-', sign != '+');
  }

  /// `{% raw %}` ... `{% endraw %}`; false if the block is another one.
  bool raw() {
    size_t at = at_ + leading(rest_.substr(at_), is_space);
    if (rest_.compare(at, 3, "raw") != 0) return false;
    at += 3;
    at += leading(rest_.substr(at), is_space);
    const char sign = at < rest_.size() ? rest_[at] : '\0';
    if (sign == '-') ++at;
    if (rest_.compare(at, 2, "%}") != 0) return false;
    advance_to(at + 2);
    strip_after(sign == '-', false);

    for (size_t open = rest_.find("{%", at_); open != rest_.npos; open = rest_.find("{%", open + 1)) {
      size_t end = open + 2;
      const char before = end < rest_.size() ? rest_[end] : '\0';
      if (before == '-' || before == '+') ++end;
      end += leading(rest_.substr(end), is_space);
      if (rest_.compare(end, 6, "endraw") != 0) continue;
      end += 6;
      end += leading(rest_.substr(end), is_space);
      const char after = end < rest_.size() ? rest_[end] : '\0';
      if (after == '-' || after == '+') ++end;
      if (rest_.compare(end, 2, "%}") != 0) continue;
      const std::string_view data = strip_before(rest_.substr(at_, open - at_), '%', before);
      if (!data.empty()) add(Token::kData, std::string(data));
      advance_to(end + 2);
      strip_after(after == '-', after != '+');
      return true;
    }
    error("missing end of raw block");
  }

  /// The inside of `{{ }}` or `{% %}`, up to its end.
  void code(Token::Kind begin, Token::Kind end) {
    const std::string_view close = end == Token::kPrintEnd ? "}}" : "%}";
    add(begin, "");
    std::vector<char> brackets;
    while (true) {
      skip_space();
      if (at_ >= rest_.size()) error("the tag is not closed with '{}'", close);
      if (brackets.empty()) {
        const bool signed_end =
            (peek() == '-' || (peek() == '+' && end == Token::kBlockEnd)) && rest_.compare(at_ + 1, 2, close) == 0;
        if (signed_end || looking_at(close)) {
          const char sign = signed_end ? peek() : '\0';
          add(end, "");
          advance_to(at_ + (signed_end ? 3 : 2));
          return strip_after(sign == '-', end == Token::kBlockEnd && sign != '+');
        }
      }
      token(brackets);
    }
  }

  void token(std::vector<char>& brackets) {
    const char c = peek();
    if (is_name_start(c)) return name();
    if (is_digit_ascii(c)) return number();
    if (c == '"' || c == '\'') return string(c);

    static constexpr std::array<std::string_view, 6> kTwo = {"==", "!=", "<=", ">=", "//", "**"};
    for (const std::string_view op : kTwo)
      if (looking_at(op)) return operation(2);
    if (std::string_view("+-/*%~[](){}<>=.:|,").find(c) == std::string_view::npos)
      error("unexpected character {}", quote(rest_.substr(at_, 1)));
    if (c == '(' || c == '[' || c == '{') {
      brackets.push_back(c == '(' ? ')' : c == '[' ? ']' : '}');
    } else if (c == ')' || c == ']' || c == '}') {
      if (brackets.empty() || brackets.back() != c) error("unexpected '{}'", c);
      brackets.pop_back();
    }
    operation(1);
  }

  void operation(size_t length) {
    add(Token::kOperator, std::string(rest_.substr(at_, length)));
    at_ += length;
  }

  void name() {
    size_t end = at_;
    while (end < rest_.size() && is_name_char(rest_[end])) ++end;
    add(Token::kName, std::string(rest_.substr(at_, end - at_)));
    at_ = end;
  }

  size_t digits(size_t at, int base = 10) const {
    const auto valid = [&](char c) {
      if (base == 16) return is_digit_ascii(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
      return c >= '0' && c < '0' + base;
    };
    while (at < rest_.size() &&
           (valid(rest_[at]) || (rest_[at] == '_' && at + 1 < rest_.size() && valid(rest_[at + 1]))))
      ++at;
    return at;
  }

  /// The text keeps a prefix such as 0x and loses its underscores.
  void number() {
    const char marker = static_cast<char>(peek(1) | 0x20);
    const int base = peek() != '0' ? 10 : marker == 'x' ? 16 : marker == 'o' ? 8 : marker == 'b' ? 2 : 10;
    Token::Kind kind = Token::kInteger;
    size_t end;
    if (base != 10) {
      end = digits(at_ + 2, base);
    } else {
      end = digits(at_);
      if (end + 1 < rest_.size() && rest_[end] == '.' && is_digit_ascii(rest_[end + 1])) {
        kind = Token::kFloat;
        end = digits(end + 1);
      }
      if (end < rest_.size() && (rest_[end] | 0x20) == 'e') {
        size_t exponent = end + 1;
        if (exponent < rest_.size() && (rest_[exponent] == '+' || rest_[exponent] == '-')) ++exponent;
        if (exponent < rest_.size() && is_digit_ascii(rest_[exponent])) {
          kind = Token::kFloat;
          end = digits(exponent);
        }
      }
    }
    std::string text(rest_.substr(at_, end - at_));
    std::erase(text, '_');
    add(kind, std::move(text));
    at_ = end;
  }

  void string(char quote) {
    const int line = line_;
    size_t end = at_ + 1;
    while (end < rest_.size() && rest_[end] != quote) end += rest_[end] == '\\' ? 2 : 1;
    if (end >= rest_.size()) error("the string is not closed");
    std::string text = unescape(rest_.substr(at_ + 1, end - at_ - 1));
    advance_to(end + 1);
    tokens_.push_back({Token::kString, line, std::move(text)});
  }

  std::string unescape(std::string_view raw) const {
    std::string out;
    for (size_t i = 0; i < raw.size(); ++i) {
      if (raw[i] != '\\' || i + 1 == raw.size()) {
        out += raw[i];
        continue;
      }
      const char c = raw[++i];
      static constexpr std::string_view kFrom = "abfnrtv\\'\"", kTo = "\a\b\f\n\r\t\v\\'\"";
      if (const size_t simple = kFrom.find(c); simple != kFrom.npos) {
        out += kTo[simple];
      } else if (c == '\n') {
        // an escaped newline joins two lines
      } else if (c == 'x' || c == 'u' || c == 'U') {
        const size_t length = c == 'x' ? 2 : c == 'u' ? 4 : 8;
        append_code(out, raw.substr(i + 1, length), length, 16);
        i += length;
      } else if (c >= '0' && c <= '7') {
        size_t length = 1;
        while (length < 3 && i + length < raw.size() && raw[i + length] >= '0' && raw[i + length] <= '7') ++length;
        append_code(out, raw.substr(i, length), length, 8);
        i += length - 1;
      } else {
        out += '\\';
        out += c;
      }
    }
    return out;
  }

  void append_code(std::string& out, std::string_view digits_text, size_t length, int base) const {
    uint32_t code = 0;
    bool good = digits_text.size() == length;
    for (const char c : digits_text) {
      const int digit = is_digit_ascii(c)                        ? c - '0'
                        : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10
                                                                 : 99;
      good = good && digit < base;
      code = code * static_cast<uint32_t>(base) + static_cast<uint32_t>(digit);
    }
    if (!good || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) error("bad character escape in a string");
    append_utf8(out, code);
  }

  const std::string source_;
  const std::string_view rest_;
  size_t at_ = 0;
  int line_ = 1;
  bool at_line_start_ = true;  // does the text at at_ begin a line?
  std::vector<Token> tokens_;
};

}  // namespace

std::vector<Token> tokenize(std::string_view source) { return Lexer(source).run(); }

}  // namespace dure::jinja
