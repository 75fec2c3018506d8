#pragma once

#include <set>
#include <string>
#include <string_view>

#include "text/jinja/ast.h"
#include "text/jinja/token_stream.h"

namespace dure::jinja {

/// Parses expressions by recursive descent, one function per level of precedence, loosest first.
class ExpressionParser {
 public:
  explicit ExpressionParser(TokenStream& tokens) : tokens_(tokens) {}

  ExprPtr expression();  ///< with inline if
  /// One expression, or a tuple if there are commas. Without `conditional` a trailing `if` is left alone.
  ExprPtr tuple(bool conditional = true);
  ExprPtr primary();
  ExprPtr filters(ExprPtr input);  ///< `| name(args) | ...`
  ExprPtr filter(ExprPtr input);   ///< `name(args)`
  ExprPtr make(int line, decltype(Expr::node) node);

  /// Names that were read since the set was last cleared: what a macro's body asks for.
  std::set<std::string, std::less<>> names;

 private:
  class Nesting;

  ExprPtr disjunction();
  ExprPtr conjunction();
  ExprPtr negation();
  ExprPtr comparison();
  ExprPtr sum();
  ExprPtr concatenation();
  ExprPtr product();
  ExprPtr power();
  ExprPtr unary(bool with_filters);
  ExprPtr postfix(ExprPtr object);
  ExprPtr filters_and_tests(ExprPtr input);
  ExprPtr test(ExprPtr input);
  ExprPtr subscript(ExprPtr object);
  ExprPtr parenthesised();
  ExprPtr list();
  ExprPtr dict();
  CallArgs call_args();
  ExprPtr name_or_constant();
  ExprPtr integer();
  bool at_tuple_end() const;

  TokenStream& tokens_;
  int nesting_ = 0;
};

}  // namespace dure::jinja
