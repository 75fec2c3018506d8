#include "text/encoding/deepseek_v4.h"

#include "base/error.h"
#include "base/json.h"
#include "text/encoding/dsml_turns.h"

namespace dure {
namespace {

constexpr std::string_view kMaximum =
    "Reasoning Effort: Absolute maximum with no shortcuts permitted.\n"
    "You MUST be very thorough in your thinking and comprehensively decompose the problem to resolve the root cause, "
    "rigorously stress-testing your logic against all potential paths, edge cases, and adversarial scenarios.\n"
    "Explicitly write out your entire deliberation process, documenting every intermediate step, considered "
    "alternative, and rejected hypothesis to ensure absolutely no assumption is left unchecked.\n\n";

constexpr std::string_view kBeyond =
    "Reasoning Effort: Beyond maximum — exhaustive, relentless, and uncompromising.\n"
    "You MUST reason with the utmost depth and rigor, leaving absolutely nothing to chance: exhaustively decompose the "
    "problem into its most fundamental components, trace every causal chain to its root, and resolve the underlying "
    "cause rather than any surface symptom.\n"
    "Do not stop reasoning until you have independently verified the solution from multiple angles and are certain "
    "that no assumption remains unchecked and no error remains undiscovered.\n\n";

std::string effort_text(const Json& context, std::string_view name, std::string_view high, std::string_view max) {
  const Json* effort = encoding::field(context, "reasoning_effort");
  if (!effort) return "";
  require(*effort == "high" || *effort == "max", "{}: reasoning_effort: expected 'high' or 'max'", name);
  return std::string(*effort == "max" ? max : high);
}

std::string effort(const Json& context, std::string_view name) { return effort_text(context, name, "", kMaximum); }
std::string effort_0731(const Json& context, std::string_view name) {
  return effort_text(context, name, kMaximum, kBeyond);
}

constexpr encoding::Dialect kV4{.name = "deepseek-v4",
                                .tags = {"tool_calls", "invoke", "parameter"},
                                .system_token = false,
                                .describe_all_tools = false,
                                .thinking_by_default = false,
                                .effort = effort};

}  // namespace

std::unique_ptr<PromptRenderer> make_deepseek_v4_encoding() { return std::make_unique<encoding::DsmlTurns>(kV4); }

std::unique_ptr<PromptRenderer> make_deepseek_v4_0731_encoding() {
  encoding::Dialect dialect = kV4;
  dialect.name = "deepseek-v4-0731";
  dialect.effort = effort_0731;
  return std::make_unique<encoding::DsmlTurns>(dialect);
}

}  // namespace dure
