#include <algorithm>
#include <string>
#include <unordered_map>
#include <utility>

#include "base/error.h"
#include "base/utf8.h"
#include "sampling/grammar/rule_node.h"

namespace dure::grammar {
namespace {

constexpr size_t kMaxText = size_t{1} << 20;
constexpr int kMaxNesting = 100;
constexpr int kMaxRepeats = 100'000;

bool is_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

RulePtr one_char(const CharSet& chars) { return make_rule(Text{one_of(chars)}); }

/// Recursive descent over llama.cpp's notation (grammars/README.md of its repository):
///
///     rules     = (name "::=" ways newline)*
///     ways      = sequence ("|" sequence)*
///     sequence  = (item ("*" | "+" | "?" | "{" m "}" | "{" m "," "}" | "{" m "," n "}")?)*
///     item      = "text" | [set] | [^set] | . | name | ( ways ) | <[token id]>
///
/// Within ( ) lines may break anywhere, elsewhere after ::= and |.
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {
    require(text.size() <= kMaxText, "grammar: {} bytes, at most {} are supported", text.size(), kMaxText);
    require(is_utf8(text), "grammar: it is not UTF-8");
  }

  RulePtr parse() {
    Scope scope;
    for (space(true); at_ < text_.size(); space(true)) {
      const size_t begin = at_;
      const int index = index_of(name());
      space(false);
      if (text_.substr(at_, 3) != "::=") refuse("expected ::=");
      at_ += 3;
      space(true);
      if (defined(index)) refuse("a second definition of this rule", begin);
      RulePtr rule = ways(0, false);
      definitions_[size_t(index)] = std::move(rule);
      if (at_ < text_.size() && text_[at_] != '\n' && text_[at_] != '\r') refuse("expected the end of the rule");
    }
    const auto root = index_.find("root");
    require(root != index_.end() && defined(root->second), "grammar: there is no rule named root");
    for (const auto& [name, index] : index_)
      if (!defined(index)) refuse("there is no rule named " + name, used_at_[size_t(index)]);
    scope.definitions = std::move(definitions_);
    scope.body = make_rule(Reference{root->second});
    return make_rule(std::move(scope));
  }

 private:
  [[noreturn]] void refuse(const std::string& what, size_t at) const {
    const std::string_view before = text_.substr(0, at);
    const auto line = std::count(before.begin(), before.end(), '\n') + 1;
    const size_t begin = before.rfind('\n') + 1;  // 0 if there is none
    fail("grammar: line {}, column {}: {}", line, at - begin + 1, what);
  }
  [[noreturn]] void refuse(const std::string& what) const { refuse(what, at_); }

  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool eat(char c) {
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  /// Blanks and comments, and line breaks too where they mean nothing.
  void space(bool lines) {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '#') {
        while (at_ < text_.size() && text_[at_] != '\n') ++at_;
      } else if (c == ' ' || c == '\t' || (lines && (c == '\n' || c == '\r'))) {
        ++at_;
      } else {
        return;
      }
    }
  }

  std::string name() {
    const size_t begin = at_;
    while (is_name(peek())) ++at_;
    if (at_ == begin) refuse("expected the name of a rule");
    return std::string(text_.substr(begin, at_ - begin));
  }
  int index_of(const std::string& name) {
    const auto [at, added] = index_.emplace(name, int(definitions_.size()));
    if (added) {
      definitions_.emplace_back();
      used_at_.push_back(at_ - name.size());
    }
    return at->second;
  }
  bool defined(int index) const { return definitions_[size_t(index)] != nullptr; }

  RulePtr ways(int depth, bool lines) {
    if (depth > kMaxNesting) refuse("parentheses are nested too deeply");
    std::vector<RulePtr> out{sequence(depth, lines)};
    while (eat('|')) {
      space(true);
      out.push_back(sequence(depth, lines));
    }
    return out.size() == 1 ? out[0] : choice(std::move(out));
  }

  RulePtr sequence(int depth, bool lines) {
    std::vector<RulePtr> parts;
    for (; starts_item(); space(lines)) {
      parts.push_back(repeated(item(depth)));
    }
    return parts.size() == 1 ? parts[0] : grammar::sequence(std::move(parts));
  }
  bool starts_item() const {
    const char c = peek();
    return c == '"' || c == '[' || c == '(' || c == '.' || c == '<' || c == '!' || is_name(c);
  }

  RulePtr item(int depth) {
    if (eat('"')) {
      std::string bytes;
      while (!eat('"')) append_utf8(bytes, character());
      return literal(std::move(bytes));
    }
    if (eat('[')) return one_char(char_class());
    if (eat('.')) return one_char(CharSet::all());
    if (eat('(')) {
      space(true);
      RulePtr inner = ways(depth + 1, true);
      if (!eat(')')) refuse("expected )");
      return inner;
    }
    if (eat('<')) return token_reference();
    if (peek() == '!') refuse("tokens that may not come are not supported");
    return make_rule(Reference{index_of(name())});
  }

  RulePtr token_reference() {
    if (!eat('[')) refuse("tokens are named by their number, as in <[1000]>");
    const int id = number();
    if (!eat(']') || !eat('>')) refuse("expected ]>");
    return token(id);
  }

  int number() {
    if (peek() < '0' || peek() > '9') refuse("expected a number");
    int n = 0;
    for (; peek() >= '0' && peek() <= '9'; ++at_) {
      n = n * 10 + (peek() - '0');
      if (n > 10'000'000) refuse("this number is too large");
    }
    return n;
  }

  /// Any number of repetition marks behind an item.
  RulePtr repeated(RulePtr rule) {
    for (int marks = 0;; ++marks) {
      int min = 0, max = kUnbounded;
      if (eat('+')) {
        min = 1;
      } else if (eat('?')) {
        max = 1;
      } else if (eat('{')) {
        bounds(min, max);
      } else if (!eat('*')) {
        return rule;
      }
      if (marks == 4) refuse("too many repetitions of repetitions");
      rule = repeat(std::move(rule), min, max);
    }
  }
  void bounds(int& min, int& max) {
    space(false);
    min = peek() == ',' ? 0 : number();
    max = min;
    space(false);
    if (eat(',')) {
      space(false);
      max = peek() == '}' ? kUnbounded : number();
      space(false);
    }
    if (!eat('}')) refuse("expected }");
    if (max < min) refuse("the bounds of the repetition are out of order");
    if (min > kMaxRepeats || (max != kUnbounded && max > kMaxRepeats)) refuse("too many repetitions");
  }

  CharSet char_class() {
    const bool negated = eat('^');
    CharSet out;
    while (!eat(']')) {
      const char32_t first = character();
      char32_t last = first;
      if (peek() == '-' && at_ + 1 < text_.size() && text_[at_ + 1] != ']') {
        ++at_;
        last = character();
        if (last < first) refuse("this range is out of order");
      }
      out.add(first, last);
    }
    return negated ? out.complement() : out;
  }

  /// Of a text or a set, with its escapes.
  char32_t character() {
    if (at_ >= text_.size()) refuse("a text or set does not end");
    if (text_[at_] != '\\') return next_utf8(text_, at_);
    ++at_;
    const char c = peek();
    ++at_;
    switch (c) {
      case 'n': return '\n';
      case 'r': return '\r';
      case 't': return '\t';
      case 'x': return hex(2);
      case 'u': return hex(4);
      case 'U': return hex(8);
      case '\\':
      case '"':
      case '[':
      case ']':
      case '-':
      case '^': return char32_t(c);
      default: refuse("unknown escape", at_ - 2);
    }
  }
  char32_t hex(int digits) {
    const size_t begin = at_;
    uint64_t value = 0;
    for (int i = 0; i < digits; ++i, ++at_) {
      const char c = peek();
      const int lower = c | 0x20;
      if (c >= '0' && c <= '9') {
        value = value * 16 + uint64_t(c - '0');
      } else if (lower >= 'a' && lower <= 'f') {
        value = value * 16 + uint64_t(lower - 'a' + 10);
      } else {
        refuse("expected a hexadecimal digit");
      }
    }
    if (value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) refuse("this is no character", begin);
    return char32_t(value);
  }

  std::string_view text_;
  size_t at_ = 0;
  std::unordered_map<std::string, int> index_;
  std::vector<RulePtr> definitions_;
  std::vector<size_t> used_at_;  ///< of each name, where it was seen first
};

}  // namespace

RulePtr gbnf(std::string_view text) { return Parser(text).parse(); }

}  // namespace dure::grammar
