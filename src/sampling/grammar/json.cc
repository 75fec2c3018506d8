#include "sampling/grammar/json_rules.h"

#include <utility>

namespace dure::grammar {

RulePtr json_space(JsonSpacing spacing, bool line_break) {
  if (spacing == JsonSpacing::compact) return literal("");
  if (!line_break) return optional(literal(" "));
  static const RulePtr space = optional(choice(
      {literal(" "), sequence({literal("\n"), choice({repeat(literal(" "), 0, 64), repeat(literal("\t"), 1, 16)})})}));
  return space;
}

RulePtr json_string(Text text) {
  text.encoding = Text::Encoding::json;
  return sequence({literal("\""), make_rule(std::move(text)), literal("\"")});
}

RulePtr json_object(JsonSpacing spacing) {
  return make_rule(Scope{json_definitions(spacing), make_rule(Reference{kJsonObject})});
}

std::vector<RulePtr> json_definitions(JsonSpacing spacing) {
  const RulePtr gap = json_space(spacing, true), blank = json_space(spacing, false);
  const RulePtr comma = sequence({literal(","), gap});
  const auto between = [&](const char* begin, RulePtr items, const char* end) {
    return sequence({literal(begin), optional(sequence({gap, std::move(items), gap})), literal(end)});
  };
  const auto refer = [](int i) { return make_rule(Reference{i}); };
  std::vector<RulePtr> d(kJsonDefinitions);
  static const RulePtr text = make_rule(Text{any_text(), 0, kUnbounded, Text::Encoding::json});
  d[kJsonString] = sequence({literal("\""), text, literal("\"")});
  d[kJsonNumber] = regex(R"(-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?)");
  const RulePtr member = sequence({refer(kJsonString), literal(":"), blank, refer(kJsonValue)});
  d[kJsonObject] = between("{", make_rule(Repetition{member, 1, kUnbounded, comma}), "}");
  d[kJsonArray] = between("[", make_rule(Repetition{refer(kJsonValue), 1, kUnbounded, comma}), "]");
  d[kJsonValue] = choice({refer(kJsonString), refer(kJsonNumber), refer(kJsonObject), refer(kJsonArray),
                          literal("true"), literal("false"), literal("null")});
  return d;
}

}  // namespace dure::grammar
