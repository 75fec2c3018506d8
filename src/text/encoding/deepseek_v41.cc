#include "text/encoding/deepseek_v41.h"

#include "base/error.h"
#include "base/json.h"
#include "text/encoding/dsml_turns.h"

namespace dure {
namespace {

int64_t effort_score(const Json* effort, std::string_view name) {
  if (!effort || *effort == "high") return 75;
  if (*effort == "low") return 50;
  if (*effort == "max") return 100;
  require(effort->is_number_integer() && *effort >= 1 && *effort <= 100,
          "{}: reasoning_effort: expected 'low', 'high', 'max' or an integer from 1 to 100", name);
  return effort->get<int64_t>();
}

std::string effort(const Json& context, std::string_view name) {
  return fmt::format("Reasoning Effort: {} (range 1-100, the higher the value, the more thorough the reasoning)\n\n",
                     effort_score(encoding::field(context, "reasoning_effort"), name));
}

constexpr encoding::Dialect kV41{.name = "deepseek-v4.1",
                                 .tags = {" calls", " invoke", " parameter"},
                                 .system_token = true,
                                 .describe_all_tools = true,
                                 .thinking_by_default = true,
                                 .effort = effort};

}  // namespace

std::unique_ptr<PromptRenderer> make_deepseek_v41_encoding() { return std::make_unique<encoding::DsmlTurns>(kV41); }

}  // namespace dure
