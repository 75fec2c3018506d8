#include "text/jinja/expression_parser.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "text/jinja/heap.h"
#include "text/jinja/parser.h"

namespace dure::jinja {
namespace {

int height(const ExprPtr& child) { return child ? child->height : 0; }

int height(const CallArgs& args) {
  int h = std::max(height(args.star), height(args.star_star));
  for (const ExprPtr& arg : args.positional) h = std::max(h, height(arg));
  for (const auto& [name, arg] : args.named) h = std::max(h, height(arg));
  return h;
}

/// The tallest child of each kind of expression.
struct ChildHeight {
  int operator()(const Literal&) const { return 0; }
  int operator()(const Name&) const { return 0; }
  int operator()(const BlockText&) const { return 0; }
  int operator()(const ListLiteral& e) const {
    int h = 0;
    for (const ExprPtr& item : e.items) h = std::max(h, height(item));
    return h;
  }
  int operator()(const DictLiteral& e) const {
    int h = 0;
    for (const auto& [key, value] : e.items) h = std::max({h, height(key), height(value)});
    return h;
  }
  int operator()(const Unary& e) const { return height(e.operand); }
  int operator()(const Binary& e) const { return std::max(height(e.left), height(e.right)); }
  int operator()(const Compare& e) const {
    int h = height(e.first);
    for (const auto& [op, operand] : e.rest) h = std::max(h, height(operand));
    return h;
  }
  int operator()(const Conditional& e) const {
    return std::max({height(e.condition), height(e.then), height(e.otherwise)});
  }
  int operator()(const Attribute& e) const { return height(e.object); }
  int operator()(const Subscript& e) const { return std::max(height(e.object), height(e.key)); }
  int operator()(const Slice& e) const {
    return std::max({height(e.object), height(e.start), height(e.stop), height(e.step)});
  }
  int operator()(const Call& e) const { return std::max(height(e.callee), height(e.args)); }
  int operator()(const FilterCall& e) const { return std::max(height(e.input), height(e.args)); }
  int operator()(const TestCall& e) const { return std::max(height(e.input), height(e.args)); }
};

}  // namespace

/// Bounds the recursion of the parser itself: brackets within brackets.
class ExpressionParser::Nesting {
 public:
  explicit Nesting(ExpressionParser& parser) : level_(parser.nesting_) {
    if (level_ >= kMaxNesting) parser.tokens_.error("expressions are nested deeper than {}", kMaxNesting);
    ++level_;
  }
  ~Nesting() { --level_; }

 private:
  int& level_;
};

ExprPtr ExpressionParser::make(int line, decltype(Expr::node) node) {
  const int h = 1 + std::visit(ChildHeight(), node);
  if (h > kMaxHeight) tokens_.error("the expression has more than {} levels", kMaxHeight);
  return std::make_unique<Expr>(Expr{line, h, std::move(node)});
}

ExprPtr ExpressionParser::expression() {
  const Nesting nesting(*this);
  ExprPtr value = disjunction();
  while (true) {
    const int line = tokens_.line();
    if (!tokens_.skip_name("if")) return value;
    ExprPtr condition = disjunction();
    ExprPtr otherwise = tokens_.skip_name("else") ? expression() : nullptr;
    value = make(line, Conditional{std::move(condition), std::move(value), std::move(otherwise)});
  }
}

bool ExpressionParser::at_tuple_end() const {
  const Token& token = tokens_.peek();
  return token.kind == Token::kPrintEnd || token.kind == Token::kBlockEnd || token.is(")") || token.is("=") ||
         token.is_name("recursive");
}

ExprPtr ExpressionParser::tuple(bool conditional) {
  const int line = tokens_.line();
  std::vector<ExprPtr> items;
  bool comma = false;
  do {
    if (comma && at_tuple_end()) break;
    items.push_back(conditional ? expression() : disjunction());
    comma = tokens_.peek().is(",") || comma;
  } while (tokens_.skip(","));
  return comma ? make(line, ListLiteral{std::move(items), true}) : std::move(items[0]);
}

ExprPtr ExpressionParser::disjunction() {
  ExprPtr left = conjunction();
  for (int line = tokens_.line(); tokens_.skip_name("or"); line = tokens_.line())
    left = make(line, Binary{Binary::kOr, std::move(left), conjunction()});
  return left;
}

ExprPtr ExpressionParser::conjunction() {
  ExprPtr left = negation();
  for (int line = tokens_.line(); tokens_.skip_name("and"); line = tokens_.line())
    left = make(line, Binary{Binary::kAnd, std::move(left), negation()});
  return left;
}

ExprPtr ExpressionParser::negation() {
  const int line = tokens_.line();
  if (!tokens_.skip_name("not")) return comparison();
  const Nesting nesting(*this);
  return make(line, Unary{Unary::kNot, negation()});
}

ExprPtr ExpressionParser::comparison() {
  static constexpr std::pair<std::string_view, Compare::Op> kOperators[] = {
      {"==", Compare::kEqual},     {"!=", Compare::kNotEqual}, {"<", Compare::kLess},
      {"<=", Compare::kLessEqual}, {">", Compare::kGreater},   {">=", Compare::kGreaterEqual}};
  const int line = tokens_.line();
  Compare chain{sum(), {}};
  while (true) {
    std::optional<Compare::Op> op;
    for (const auto& [text, candidate] : kOperators)
      if (!op && tokens_.skip(text)) op = candidate;
    if (!op && tokens_.skip_name("in")) op = Compare::kIn;
    if (!op && tokens_.peek().is_name("not") && tokens_.peek(1).is_name("in")) {
      tokens_.next();
      tokens_.next();
      op = Compare::kNotIn;
    }
    if (!op) break;
    chain.rest.emplace_back(*op, sum());
  }
  return chain.rest.empty() ? std::move(chain.first) : make(line, std::move(chain));
}

ExprPtr ExpressionParser::sum() {
  ExprPtr left = concatenation();
  while (true) {
    const int line = tokens_.line();
    if (tokens_.skip("+")) {
      left = make(line, Binary{Binary::kAdd, std::move(left), concatenation()});
    } else if (tokens_.skip("-")) {
      left = make(line, Binary{Binary::kSubtract, std::move(left), concatenation()});
    } else {
      return left;
    }
  }
}

ExprPtr ExpressionParser::concatenation() {
  ExprPtr left = product();
  for (int line = tokens_.line(); tokens_.skip("~"); line = tokens_.line())
    left = make(line, Binary{Binary::kConcat, std::move(left), product()});
  return left;
}

ExprPtr ExpressionParser::product() {
  static constexpr std::pair<std::string_view, Binary::Op> kOperators[] = {
      {"*", Binary::kMultiply}, {"/", Binary::kDivide}, {"//", Binary::kFloorDivide}, {"%", Binary::kModulo}};
  ExprPtr left = power();
  while (true) {
    const int line = tokens_.line();
    const auto* op = std::find_if(std::begin(kOperators), std::end(kOperators),
                                  [&](const auto& candidate) { return tokens_.skip(candidate.first); });
    if (op == std::end(kOperators)) return left;
    left = make(line, Binary{op->second, std::move(left), power()});
  }
}

ExprPtr ExpressionParser::power() {
  ExprPtr left = unary(true);
  for (int line = tokens_.line(); tokens_.skip("**"); line = tokens_.line())
    left = make(line, Binary{Binary::kPower, std::move(left), unary(true)});
  return left;
}

ExprPtr ExpressionParser::unary(bool with_filters) {
  const Nesting nesting(*this);
  const int line = tokens_.line();
  ExprPtr value;
  if (tokens_.skip("-")) {
    value = make(line, Unary{Unary::kMinus, unary(false)});
  } else if (tokens_.skip("+")) {
    value = make(line, Unary{Unary::kPlus, unary(false)});
  } else {
    value = primary();
  }
  value = postfix(std::move(value));
  return with_filters ? filters_and_tests(std::move(value)) : std::move(value);
}

ExprPtr ExpressionParser::primary() {
  const Token& token = tokens_.peek();
  const int line = token.line;
  if (token.kind == Token::kName) return name_or_constant();
  if (token.kind == Token::kInteger) return integer();
  if (token.kind == Token::kString) {
    std::string text = tokens_.next().text;
    while (tokens_.peek().kind == Token::kString) text += tokens_.next().text;
    return make(line, Literal{constant(std::move(text))});
  }
  if (token.kind == Token::kFloat) {
    const std::string text = tokens_.next().text;
    double number = 0;
    const auto status = std::from_chars(text.data(), text.data() + text.size(), number).ec;
    if (status == std::errc::result_out_of_range)
      number = text.find("e-") == text.npos && text.find("E-") == text.npos ? HUGE_VAL : 0;
    return make(line, Literal{number});
  }
  if (token.is("(")) return parenthesised();
  if (token.is("[")) return list();
  if (token.is("{")) return dict();
  tokens_.error("expected a value, found {}", tokens_.describe());
}

ExprPtr ExpressionParser::name_or_constant() {
  const int line = tokens_.line();
  std::string name = tokens_.next().text;
  if (name == "true" || name == "True") return make(line, Literal{true});
  if (name == "false" || name == "False") return make(line, Literal{false});
  if (name == "none" || name == "None") return make(line, Literal{None{}});
  names.insert(name);
  return make(line, Name{std::move(name)});
}

ExprPtr ExpressionParser::integer() {
  const int line = tokens_.line();
  const std::string text = tokens_.next().text;
  int base = 10;
  size_t skip = 0;
  if (text.size() > 2 && text[0] == '0' && text[1] > '9') {
    const char marker = static_cast<char>(text[1] | 0x20);
    base = marker == 'x' ? 16 : marker == 'o' ? 8 : 2;
    skip = 2;
  }
  int64_t number = 0;
  const auto [end, status] = std::from_chars(text.data() + skip, text.data() + text.size(), number, base);
  if (status != std::errc() || end != text.data() + text.size())
    tokens_.error("integer {} does not fit 64 bits", quote(text));
  return make(line, Literal{number});
}

ExprPtr ExpressionParser::parenthesised() {
  const int line = tokens_.line();
  tokens_.expect("(");
  ExprPtr value = tokens_.peek().is(")") ? make(line, ListLiteral{{}, true}) : tuple();
  tokens_.expect(")");
  return value;
}

ExprPtr ExpressionParser::list() {
  const int line = tokens_.line();
  tokens_.expect("[");
  ListLiteral list{{}, false};
  while (!tokens_.skip("]")) {
    if (!list.items.empty()) tokens_.expect(",");
    if (tokens_.skip("]")) break;
    list.items.push_back(expression());
  }
  return make(line, std::move(list));
}

ExprPtr ExpressionParser::dict() {
  const int line = tokens_.line();
  tokens_.expect("{");
  DictLiteral dict;
  while (!tokens_.skip("}")) {
    if (!dict.items.empty()) tokens_.expect(",");
    if (tokens_.skip("}")) break;
    ExprPtr key = expression();
    tokens_.expect(":");
    dict.items.emplace_back(std::move(key), expression());
  }
  return make(line, std::move(dict));
}

ExprPtr ExpressionParser::postfix(ExprPtr object) {
  while (true) {
    const int line = tokens_.line();
    if (tokens_.skip(".")) {
      if (tokens_.peek().kind == Token::kInteger) {
        object = make(line, Subscript{std::move(object), integer()});
      } else {
        object = make(line, Attribute{std::move(object), tokens_.expect(Token::kName, "a name after '.'")});
      }
    } else if (tokens_.peek().is("[")) {
      object = subscript(std::move(object));
    } else if (tokens_.peek().is("(")) {
      object = make(line, Call{std::move(object), call_args()});
    } else {
      return object;
    }
  }
}

ExprPtr ExpressionParser::subscript(ExprPtr object) {
  const int line = tokens_.line();
  tokens_.expect("[");
  const auto at_bound_end = [&] { return tokens_.peek().is(":") || tokens_.peek().is("]"); };
  ExprPtr first = at_bound_end() ? nullptr : tuple();
  if (tokens_.skip("]")) {
    if (!first) tokens_.error("expected a subscript");
    return make(line, Subscript{std::move(object), std::move(first)});
  }
  tokens_.expect(":");
  ExprPtr stop = at_bound_end() ? nullptr : expression();
  ExprPtr step = tokens_.skip(":") && !at_bound_end() ? expression() : nullptr;
  tokens_.expect("]");
  return make(line, Slice{std::move(object), std::move(first), std::move(stop), std::move(step)});
}

CallArgs ExpressionParser::call_args() {
  CallArgs args;
  tokens_.expect("(");
  for (bool first = true; !tokens_.skip(")"); first = false) {
    if (!first) tokens_.expect(",");
    if (tokens_.skip(")")) break;
    if (tokens_.skip("**")) {
      args.star_star = expression();
    } else if (tokens_.skip("*")) {
      args.star = expression();
    } else if (tokens_.peek().kind == Token::kName && tokens_.peek(1).is("=")) {
      std::string name = tokens_.next().text;
      tokens_.expect("=");
      args.named.emplace_back(std::move(name), expression());
    } else {
      if (!args.named.empty()) tokens_.error("a positional argument stands after a named one");
      args.positional.push_back(expression());
    }
  }
  return args;
}

ExprPtr ExpressionParser::filters_and_tests(ExprPtr input) {
  while (true) {
    if (tokens_.peek().is("|")) {
      input = filters(std::move(input));
    } else if (tokens_.skip_name("is")) {
      input = test(std::move(input));
    } else if (tokens_.peek().is("(")) {  // a call of what a filter returned
      const int line = tokens_.line();
      input = make(line, Call{std::move(input), call_args()});
    } else {
      return input;
    }
  }
}

ExprPtr ExpressionParser::filters(ExprPtr input) {
  while (tokens_.skip("|")) input = filter(std::move(input));
  return input;
}

ExprPtr ExpressionParser::filter(ExprPtr input) {
  const int line = tokens_.line();
  std::string name = tokens_.expect(Token::kName, "a filter's name");
  while (tokens_.skip(".")) name.append(".").append(tokens_.expect(Token::kName, "a filter's name"));
  CallArgs args = tokens_.peek().is("(") ? call_args() : CallArgs{};
  return make(line, FilterCall{std::move(input), std::move(name), std::move(args)});
}

ExprPtr ExpressionParser::test(ExprPtr input) {
  const int line = tokens_.line();
  const bool negated = tokens_.skip_name("not");
  std::string name = tokens_.expect(Token::kName, "a test's name");
  CallArgs args;
  const Token& token = tokens_.peek();
  const bool argument_follows =
      (token.kind == Token::kName && !token.is_name("else") && !token.is_name("or") && !token.is_name("and")) ||
      token.kind == Token::kString || token.kind == Token::kInteger || token.kind == Token::kFloat || token.is("[") ||
      token.is("{");
  if (token.is("(")) {
    args = call_args();
  } else if (argument_follows && !token.is_name("if") && !token.is_name("in") && !token.is_name("not")) {
    if (token.is_name("is")) tokens_.error("tests cannot be chained with 'is'");
    args.positional.push_back(postfix(primary()));
  }
  return make(line, TestCall{std::move(input), std::move(name), std::move(args), negated});
}

}  // namespace dure::jinja
