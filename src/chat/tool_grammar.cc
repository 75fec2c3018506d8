#include "chat/tool_grammar.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "chat/dsml_grammar.h"
#include "chat/markup_rule.h"
#include "text/tools/json_text.h"

namespace dure {
namespace {

using grammar::RulePtr;

/// Calls of an answer that must call: a model that is forced to does not always find the end by itself.
constexpr int kMostForced = 4;

/// A function that may be called.
struct Function {
  std::string name;
  Json parameters;  ///< a JSON schema
  bool strict;
  std::string where;  ///< of the schema, in the request
};

std::vector<Function> callable(const Json& tools, const ToolChoice& choice) {
  std::vector<Function> out;
  for (size_t i = 0; i < tools.size(); ++i) {
    const Json& function = tools[i]["function"];
    Function f{function["name"].get<std::string>(), function.value("parameters", Json()), false,
               fmt::format("tools[{}].function.parameters", i)};
    const auto strict = function.find("strict");
    f.strict = strict != function.end() && strict->is_boolean() && strict->get<bool>();
    if (f.parameters.is_null()) f.parameters = Json::object({{"type", "object"}, {"properties", Json::object()}});
    const bool allowed = choice.allowed.empty() ||
                         std::find(choice.allowed.begin(), choice.allowed.end(), f.name) != choice.allowed.end();
    if (allowed) out.push_back(std::move(f));
  }
  for (const std::string& name : choice.allowed)
    if (std::none_of(out.begin(), out.end(), [&](const Function& f) { return f.name == name; }))
      throw RequestError(fmt::format("tool_choice: there is no tool named {}", quote(name)), "tool_choice");
  return out;
}

/// The arguments of a function in JSON or DSML.
RulePtr arguments_rule(const ToolFormat& format, const Function& f, const Tokenizer& tokenizer) {
  const bool dsml = format.body == ToolFormat::Body::dsml;
  try {
    return dsml ? dsml_parameters_rule(format, f.parameters, tokenizer) : grammar::json_schema(f.parameters);
  } catch (const Error& error) {
    if (f.strict) throw RequestError(fmt::format("{}: {}", f.where, error.what()), f.where);
  }
  return dsml ? dsml_any_parameters_rule(format, tokenizer) : grammar::json_object();
}

/// A call from behind its begin marker.
RulePtr call_body(const ToolFormat& format, const std::vector<Function>& functions, const Tokenizer& tokenizer) {
  std::vector<RulePtr> ways;
  for (const Function& f : functions) {
    const std::string name = format.body == ToolFormat::Body::object ? json_escaped(f.name) : f.name;
    ways.push_back(grammar::sequence({grammar::literal(name), markup_rule(format, format.name_suffix, tokenizer),
                                      arguments_rule(format, f, tokenizer)}));
  }
  // In DSML the parameters bring their line breaks.
  std::string end(format.body == ToolFormat::Body::dsml ? "" : format.arguments_suffix);
  end += format.call_end;
  return grammar::sequence({markup_rule(format, format.name_prefix, tokenizer), grammar::choice(std::move(ways)),
                            markup_rule(format, end, tokenizer)});
}

}  // namespace

ToolGrammar tool_grammar(const ToolFormat& format, const Json& tools, const ToolChoice& choice,
                         bool parallel_tool_calls, AnswerStart start, const Tokenizer& tokenizer) {
  using Kind = ToolChoice::Kind;
  const bool offered = tools.is_array() && !tools.empty();
  if (choice.kind == Kind::required && !offered)
    throw RequestError("tool_choice: it requires a call, but there are no tools", "tool_choice");
  if (choice.kind == Kind::none || !offered || format.body == ToolFormat::Body::none) return {};

  const auto markup = [&](std::string_view text) { return markup_rule(format, text, tokenizer); };
  const std::vector<Function> functions = callable(tools, choice);
  const RulePtr body = call_body(format, functions, tokenizer);
  const RulePtr call = grammar::sequence({markup(format.call_begin), body});
  const RulePtr more = grammar::sequence({markup(format.call_separator), call});
  std::vector<RulePtr> rest;  // of a block, behind its first call
  if (parallel_tool_calls && !format.call_end.empty()) {
    const int most = choice.kind == Kind::required ? std::min(kMostForced, static_cast<int>(functions.size())) - 1
                                                   : grammar::kUnbounded;
    rest.push_back(grammar::repeat(more, 0, most));
  }
  rest.push_back(markup(std::string(format.calls_gap) + std::string(format.calls_end)));
  const RulePtr gap = markup(format.calls_gap), tail = grammar::sequence(std::move(rest));

  if (start == AnswerStart::calls) return {.rule = grammar::sequence({call, tail})};
  if (choice.kind == Kind::required) {
    const RulePtr blank = grammar::repeat(grammar::literal("\n"), 0, 2);
    return {.rule = grammar::sequence({blank, markup(format.calls_begin), gap, call, tail})};
  }
  ToolGrammar lazy;
  if (!format.calls_begin.empty()) {
    lazy.trigger = format.calls_begin;
    lazy.rule = grammar::sequence({gap, call, tail});
  } else {
    lazy.trigger = format.call_begin.empty() ? format.alternative_begin : format.call_begin;
    lazy.rule = grammar::sequence({body, tail});
  }
  lazy.trigger_token = tokenizer.token_id(lazy.trigger).value_or(-1);
  return lazy;
}

}  // namespace dure
