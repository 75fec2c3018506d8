#include "base/error.h"
#include "base/json.h"
#include "sampling/grammar/json_rules.h"

namespace dure::grammar {

RulePtr json_schema(const Json& schema, JsonSpacing spacing) {
  if (schema == true || (schema.is_object() && schema.empty()))
    return make_rule(Scope{json_definitions(spacing), make_rule(Reference{kJsonValue})});
  if (schema == Json{{"type", "object"}}) return json_object(spacing);
  fail("schema: not supported yet");
}

}  // namespace dure::grammar
