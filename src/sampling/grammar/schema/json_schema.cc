#include <map>
#include <utility>

#include "base/error.h"
#include "base/json.h"
#include "sampling/grammar/json_rules.h"
#include "sampling/grammar/schema/schema_shape.h"

namespace dure::grammar {
namespace {

constexpr size_t kMaxDefinitions = 50'000;
constexpr size_t kMaxCounted = 2'000;  // members times counts

RulePtr never() { return make_rule(Alternatives{}); }
RulePtr any_of(std::vector<RulePtr> ways) { return make_rule(Alternatives{std::move(ways)}); }
RulePtr refer(int index) { return make_rule(Reference{index}); }

/// Turns schemas into definitions of one scope, each set of schemas once.
class Writer {
 public:
  Writer(const Json& schema, JsonSpacing spacing)
      : document_(schema),
        shapes_(document_),
        gap_(json_space(spacing, true)),
        blank_(json_space(spacing, false)),
        comma_(sequence({literal(","), gap_})),
        definitions_(json_definitions(spacing)) {}

  RulePtr write() {
    Scope scope;
    scope.body = value({document_.root()});
    for (size_t i = 0; i < pending_.size(); ++i) {  // grows while it is worked off
      const auto [index, schemas] = pending_[i];
      RulePtr rule = definition(schemas);
      definitions_[size_t(index)] = std::move(rule);
    }
    scope.definitions = std::move(definitions_);
    return make_rule(std::move(scope));
  }

 private:
  RulePtr value(const Schemas& schemas) {
    if (schemas.empty()) return refer(kJsonValue);
    const auto [known, added] = numbers_.emplace(schemas, int(definitions_.size()));
    if (added) {
      require(definitions_.size() < kMaxDefinitions, "schema: more than {} different schemas", kMaxDefinitions);
      definitions_.emplace_back();
      pending_.emplace_back(known->second, schemas);
    }
    return refer(known->second);
  }

  RulePtr define(RulePtr rule) {
    require(definitions_.size() < kMaxDefinitions, "schema: more than {} different schemas", kMaxDefinitions);
    definitions_.push_back(std::move(rule));
    return refer(int(definitions_.size()) - 1);
  }

  RulePtr definition(const Schemas& schemas) {
    std::vector<RulePtr> ways;
    for (const Shape& shape : shapes_.shapes(schemas)) {
      for (const std::string& text : shape.literals) ways.push_back(literal(text));
      if (shape.any_number) ways.push_back(refer(kJsonNumber));
      if (shape.numbers) ways.push_back(make_rule(Text{*shape.numbers}));
      if (shape.strings) ways.push_back(string(*shape.strings));
      if (shape.lists) ways.push_back(list(*shape.lists));
      if (shape.objects) ways.push_back(object(*shape.objects));
    }
    return any_of(std::move(ways));
  }

  RulePtr string(const Text& text) {
    const auto& states = text.language.states;
    const bool any = text.min == 0 && text.max == kUnbounded && states.size() == 1 && states[0].accepting &&
                     states[0].edges.size() == 2;  // below and above the surrogates
    return any ? refer(kJsonString) : text.min > text.max ? never() : json_string(text);
  }

  RulePtr between(const char* begin, RulePtr items, bool may_be_empty, const char* end) {
    RulePtr inner = sequence({gap_, std::move(items), gap_});
    if (may_be_empty) inner = optional(std::move(inner));
    return sequence({literal(begin), std::move(inner), literal(end)});
  }

  RulePtr list(const Shape::Lists& lists) {
    if (lists.min > lists.max) return never();
    if (lists.max == 0) return literal("[]");
    const int n = int(lists.prefix.size());
    if (n == 0) {
      const RulePtr items = make_rule(Repetition{value(lists.rest), std::max(1, lists.min), lists.max, comma_});
      return between("[", items, lists.min == 0, "]");
    }
    RulePtr tail = literal("");
    if (lists.max > n) {
      const int most = lists.max == kUnbounded ? kUnbounded : lists.max - n;
      tail = repeat(sequence({comma_, value(lists.rest)}), std::max(0, lists.min - n), most);
    }
    for (int i = std::min(n, lists.max); i-- > 0;) {
      tail = sequence({i > 0 ? comma_ : literal(""), value(lists.prefix[size_t(i)]), std::move(tail)});
      if (i > 0 && i >= lists.min) tail = optional(std::move(tail));
    }
    return between("[", std::move(tail), lists.min == 0, "]");
  }

  RulePtr object(const Shape::Objects& objects) {
    if (objects.min > objects.max) return never();
    Members m;
    m.separator = comma_;
    int required = 0;
    for (const auto& p : objects.properties) {
      const std::string key = dump_json(Json(p.name)) + ":";
      m.members.push_back({sequence({literal(key), blank_, value(p.value)}), p.required});
      required += p.required;
    }
    std::vector<RulePtr> ways;
    for (const OtherProperties& other : shapes_.others(objects))
      ways.push_back(sequence({string(Text{other.keys}), literal(":"), blank_, value(other.value)}));
    if (!ways.empty()) m.rest = any_of(std::move(ways));

    const int declared = int(m.members.size());
    const bool counts_up = objects.min > required,
               counts_down = m.rest ? objects.max != kUnbounded : objects.max < declared;
    if (!counts_up && !counts_down) {
      if (m.members.empty() && !m.rest) return literal("{}");
      return between("{", make_rule(std::move(m)), required == 0, "}");
    }
    if (objects.max < required) return never();
    if (objects.max == 0) return literal("{}");
    if (m.rest && objects.min > required + 1)
      document_.refuse(objects.sources[0], "minProperties",
                       "not supported for properties that are not declared, as "
                       "their names could be repeated to reach it");
    return counted_members(m, objects.min, objects.max);
  }

  /// The number of members is counted by definitions: one for each member and each number of those before it.
  RulePtr counted_members(const Members& m, int min, int max) {
    const int n = int(m.members.size());
    const int most = max == kUnbounded ? min : m.rest ? max : std::min(n, max);  // further counts make no difference
    require(size_t(n + 1) * size_t(most + 1) <= kMaxCounted,
            "schema: {} properties with up to {} in an object are too "
            "many to count",
            n, most);
    std::vector<RulePtr> after(size_t(most) + 1);  // what follows behind `count` members
    const auto with = [&](int count, const RulePtr& member, const std::vector<RulePtr>& then) {
      if (max != kUnbounded && count == most) return never();
      const RulePtr& next = then[size_t(std::min(count + 1, most))];
      return count == 0 ? sequence({gap_, member, next}) : sequence({comma_, member, next});
    };
    for (int count = most; count >= 0; --count) {
      std::vector<RulePtr> ways;
      if (count >= min) ways.push_back(count == 0 ? literal("") : gap_);
      if (m.rest && max == kUnbounded && count == most) {
        ways = {sequence({repeat(sequence({comma_, m.rest})), gap_})};
      } else if (m.rest) {
        ways.push_back(with(count, m.rest, after));
      }
      after[size_t(count)] = define(any_of(std::move(ways)));
    }
    for (int i = n; i-- > 0;) {
      std::vector<RulePtr> before(size_t(most) + 1);
      for (int count = 0; count <= most; ++count) {
        std::vector<RulePtr> ways{with(count, m.members[size_t(i)].rule, after)};
        if (!m.members[size_t(i)].required) ways.push_back(after[size_t(count)]);
        before[size_t(count)] = define(any_of(std::move(ways)));
      }
      after = std::move(before);
    }
    return sequence({literal("{"), after[0], literal("}")});
  }

  SchemaDocument document_;
  SchemaShapes shapes_;
  RulePtr gap_, blank_, comma_;
  std::vector<RulePtr> definitions_;
  std::map<Schemas, int> numbers_;
  std::vector<std::pair<int, Schemas>> pending_;
};

}  // namespace

RulePtr json_schema(const Json& schema, JsonSpacing spacing) { return Writer(schema, spacing).write(); }

}  // namespace dure::grammar
