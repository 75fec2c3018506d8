#include "text/jinja/parser.h"

#include <algorithm>
#include <initializer_list>

#include "base/error.h"
#include "text/jinja/expression_parser.h"
#include "text/jinja/heap.h"
#include "text/jinja/token_stream.h"

namespace dure::jinja {
namespace {

/// Parses statements; expressions are left to ExpressionParser.
class Parser {
 public:
  explicit Parser(std::string_view source) : tokens_(tokenize(source)), expressions_(tokens_) {}

  Body run() {
    Body body = statements({});
    if (tokens_.peek().kind != Token::kEnd) tokens_.error("unexpected {}", tokens_.describe());
    return body;
  }

 private:
  using Ends = std::initializer_list<std::string_view>;

  /// Statements up to, and not including, `{% end`, or up to the end of the template.
  Body statements(Ends ends) {
    Body body;
    while (tokens_.peek().kind != Token::kEnd) {
      const int line = tokens_.line();
      if (tokens_.peek().kind == Token::kData) {
        body.push_back({line, Data{constant(tokens_.next().text)}});
      } else if (tokens_.peek().kind == Token::kPrintBegin) {
        tokens_.next();
        body.push_back({line, Print{expressions_.tuple()}});
        tokens_.expect(Token::kPrintEnd, "'}}'");
      } else {
        const Token& name = tokens_.peek(1);
        if (std::any_of(ends.begin(), ends.end(), [&](auto end) { return name.is_name(end); })) return body;
        tokens_.expect(Token::kBlockBegin, "'{%'");
        body.push_back({line, block()});
      }
    }
    if (ends.size()) tokens_.error("the template ends before '{{% {} %}}'", *(ends.end() - 1));
    return body;
  }

  /// The body of a block and its end tag, which is `ends`' last word; on another of `ends` the tag is left for the
  /// caller.
  Body body(Ends ends) {
    if (nesting_ >= kMaxNesting) tokens_.error("blocks are nested deeper than {}", kMaxNesting);
    tokens_.expect(Token::kBlockEnd, "'%}'");
    ++nesting_;
    Body body = statements(ends);
    --nesting_;
    tokens_.expect(Token::kBlockBegin, "'{%'");
    return body;
  }

  void end(std::string_view name) {
    tokens_.expect_name(name);
    tokens_.expect(Token::kBlockEnd, "'%}'");
  }

  decltype(Statement::node) block() {
    const int line = tokens_.line();
    const std::string tag = tokens_.expect(Token::kName, "a tag's name");
    if (tag == "if") return if_block();
    if (tag == "for") return for_block();
    if (tag == "set") return set_block();
    if (tag == "macro") return macro_block();
    if (tag == "call") return call_block(line);
    if (tag == "filter") return filter_block(line);
    if (tag == "with") return with_block();
    if (tag == "generation") return generation_block();
    if (tag == "break" || tag == "continue") return loop_control(tag);
    tokens_.error("unknown tag {}", quote(tag));
  }

  If if_block() {
    If node;
    while (true) {
      ExprPtr condition = expressions_.tuple(false);
      node.branches.emplace_back(std::move(condition), body({"elif", "else", "endif"}));
      if (tokens_.skip_name("elif")) continue;
      if (tokens_.skip_name("else")) node.otherwise = body({"endif"});
      end("endif");
      return node;
    }
  }

  For for_block() {
    For node;
    node.target = targets(false);
    tokens_.expect_name("in");
    node.iterable = expressions_.tuple(false);
    if (tokens_.skip_name("if")) node.filter = expressions_.expression();
    node.recursive = tokens_.skip_name("recursive");
    ++loops_;
    node.body = body({"else", "endfor"});
    --loops_;
    if (tokens_.skip_name("else")) node.otherwise = body({"endfor"});
    end("endfor");
    return node;
  }

  decltype(Statement::node) loop_control(std::string_view tag) {
    if (loops_ == 0) tokens_.error("'{}' stands outside of a loop", tag);
    tokens_.expect(Token::kBlockEnd, "'%}'");
    if (tag == "break") return Break{};
    return Continue{};
  }

  decltype(Statement::node) set_block() {
    const int line = tokens_.line();
    Target target = targets(true);
    if (tokens_.skip("=")) {
      Set node{std::move(target), expressions_.tuple()};
      tokens_.expect(Token::kBlockEnd, "'%}'");
      return node;
    }
    SetBlock node{std::move(target), expressions_.filters(expressions_.make(line, BlockText{})), {}};
    node.body = body({"endset"});
    end("endset");
    return node;
  }

  DefineMacro macro_block() {
    DefineMacro node{std::make_unique<Macro>()};
    node.macro->name = tokens_.expect(Token::kName, "the macro's name");
    parameters(*node.macro);
    macro_body(*node.macro, "endmacro");
    return node;
  }

  CallBlock call_block(int line) {
    CallBlock node{std::make_unique<Macro>(), nullptr};
    node.caller->name = "caller";
    if (tokens_.peek().is("(")) parameters(*node.caller);
    node.call = expressions_.expression();
    if (!std::holds_alternative<Call>(node.call->node)) fail("line {}: '{{% call %}}' needs a call", line);
    macro_body(*node.caller, "endcall");
    return node;
  }

  void parameters(Macro& macro) {
    tokens_.expect("(");
    for (bool first = true; !tokens_.skip(")"); first = false) {
      if (!first) tokens_.expect(",");
      if (tokens_.skip(")")) break;
      std::string name = tokens_.expect(Token::kName, "a parameter's name");
      ExprPtr fallback = tokens_.skip("=") ? expressions_.expression() : nullptr;
      if (!fallback && !macro.parameters.empty() && macro.parameters.back().second)
        tokens_.error("a parameter without default stands after one with a default");
      macro.parameters.emplace_back(std::move(name), std::move(fallback));
    }
  }

  /// A body that runs on its own: `break` does not reach out of it, and the names it reads tell which of the special
  /// arguments it takes.
  void macro_body(Macro& macro, std::string_view end_tag) {
    auto outer_names = std::exchange(expressions_.names, {});
    const int outer_loops = std::exchange(loops_, 0);
    macro.body = body({end_tag});
    end(end_tag);
    macro.takes_varargs = expressions_.names.contains("varargs");
    macro.takes_kwargs = expressions_.names.contains("kwargs");
    macro.takes_caller = expressions_.names.contains("caller");
    loops_ = outer_loops;
    expressions_.names.merge(outer_names);
  }

  FilterBlock filter_block(int line) {
    ExprPtr value = expressions_.filter(expressions_.make(line, BlockText{}));
    FilterBlock node{expressions_.filters(std::move(value)), {}};
    node.body = body({"endfilter"});
    end("endfilter");
    return node;
  }

  With with_block() {
    With node;
    while (tokens_.peek().kind != Token::kBlockEnd) {
      if (!node.variables.empty()) tokens_.expect(",");
      Target name = target(false);
      tokens_.expect("=");
      node.variables.emplace_back(std::move(name), expressions_.expression());
    }
    node.body = body({"endwith"});
    end("endwith");
    return node;
  }

  With generation_block() {
    With node;
    node.body = body({"endgeneration"});
    end("endgeneration");
    return node;
  }

  /// `a`, `a, b`, `(a, (b, c))` or, with attributes allowed, `ns.a`.
  Target targets(bool attributes) {
    Target first = target(attributes);
    if (!tokens_.peek().is(",")) return first;
    Target all;
    all.items.push_back(std::move(first));
    while (tokens_.skip(",")) {
      if (tokens_.peek().is_name("in") || tokens_.peek().is("=") || tokens_.peek().is(")")) break;
      all.items.push_back(target(attributes));
    }
    return all;
  }

  Target target(bool attributes) {
    if (tokens_.skip("(")) {
      if (nesting_ >= kMaxNesting) tokens_.error("blocks are nested deeper than {}", kMaxNesting);
      ++nesting_;
      Target inner = targets(attributes);
      --nesting_;
      tokens_.expect(")");
      return inner;
    }
    Target simple;
    simple.name = tokens_.expect(Token::kName, "a variable's name");
    if (attributes && tokens_.skip(".")) simple.attribute = tokens_.expect(Token::kName, "an attribute's name");
    for (const std::string_view reserved : {"true", "false", "none", "True", "False", "None"})
      if (simple.name == reserved) tokens_.error("cannot assign to '{}'", reserved);
    return simple;
  }

  TokenStream tokens_;
  ExpressionParser expressions_;
  int nesting_ = 0;
  int loops_ = 0;
};

}  // namespace

Body parse(std::string_view source) {
  require(source.size() <= kMaxSource, "the template is longer than {} MiB", kMaxSource >> 20);
  return Parser(source).run();
}

}  // namespace dure::jinja
