#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "text/jinja/lexer.h"

namespace dure::jinja {

/// A cursor over the tokens of a template.
class TokenStream {
 public:
  explicit TokenStream(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  const Token& peek(size_t ahead = 0) const { return tokens_[std::min(at_ + ahead, tokens_.size() - 1)]; }
  int line() const { return peek().line; }
  Token next() { return peek().kind == Token::kEnd ? peek() : std::move(tokens_[at_++]); }

  bool skip(std::string_view op) { return skip_if(peek().is(op)); }
  bool skip_name(std::string_view name) { return skip_if(peek().is_name(name)); }

  void expect(std::string_view op) {
    if (!skip(op)) error("expected '{}', found {}", op, describe());
  }
  void expect_name(std::string_view name) {
    if (!skip_name(name)) error("expected '{}', found {}", name, describe());
  }
  std::string expect(Token::Kind kind, std::string_view what) {
    if (peek().kind != kind) error("expected {}, found {}", what, describe());
    return next().text;
  }

  std::string describe() const {
    switch (peek().kind) {
      case Token::kEnd: return "the end of the template";
      case Token::kData: return "text";
      case Token::kBlockBegin: return "'{%'";
      case Token::kBlockEnd: return "'%}'";
      case Token::kPrintBegin: return "'{{'";
      case Token::kPrintEnd: return "'}}'";
      default: return quote(peek().text);
    }
  }

  template <typename... Args>
  [[noreturn]] void error(fmt::format_string<Args...> format, Args&&... args) const {
    fail("line {}: {}", line(), fmt::format(format, std::forward<Args>(args)...));
  }

 private:
  bool skip_if(bool found) {
    if (found) ++at_;
    return found;
  }

  std::vector<Token> tokens_;
  size_t at_ = 0;
};

}  // namespace dure::jinja
