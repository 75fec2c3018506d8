#include "text/encoding/dsml.h"

#include "base/error.h"
#include "base/json.h"
#include "text/encoding/conversation.h"

namespace dure::encoding {
namespace {

constexpr std::string_view kDsml = "｜DSML｜";

/// The arguments as an object; `parsed` holds it if it had to be read. JSON text may have been encoded twice.
const Json& argument_object(const Json& arguments, Json& parsed) {
  if (arguments.is_object()) return arguments;
  parsed = arguments;
  try {
    for (int i = 0; i < 2 && parsed.is_string(); ++i)
      parsed = parse_json(parsed.get<std::string>(), "tool call arguments");
  } catch (const Error&) {
    parsed = nullptr;  // a model may have written anything
  }
  if (!parsed.is_object()) parsed = Json::object({{"arguments", arguments}});
  return parsed;
}

}  // namespace

std::string dsml_open(std::string_view tag) { return fmt::format("<{}{}", kDsml, tag); }
std::string dsml_close(std::string_view tag) { return fmt::format("</{}{}>", kDsml, tag); }

void append_calls(MarkedText& out, const Json& calls, const DsmlTags& tags) {
  out.append(dsml_open(tags.calls) + ">\n", true);
  for (const Json& call : calls) {
    const Json& function = call["function"];
    out.append(dsml_open(tags.invoke) + " name=\"", true);
    out.append(text_field(function, "name"), false);
    out.append("\">\n", true);
    Json parsed;
    for (bool first = true; const auto& [key, value] : argument_object(function["arguments"], parsed).items()) {
      if (!first) out.append("\n", true);
      first = false;
      out.append(dsml_open(tags.parameter) + " name=\"", true);
      out.append(key, false);
      out.append(value.is_string() ? "\" string=\"true\">" : "\" string=\"false\">", true);
      if (value.is_string()) {
        out.append(value.get<std::string>(), false);
      } else {
        out.append(python_json(value));
      }
      out.append(dsml_close(tags.parameter), true);
    }
    out.append("\n", true);
    out.append(dsml_close(tags.invoke) + "\n", true);
  }
  out.append(dsml_close(tags.calls), true);
}

std::string with_tags(std::string_view text, const DsmlTags& tags) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const size_t brace = std::min(text.find('{', at), text.size());
    out += text.substr(at, brace - at);
    if (brace == text.size()) break;
    const size_t end = text.find('}', brace);
    const std::string_view name = text.substr(brace + 1, end - brace - 1);
    out += kDsml;
    out += name == "calls" ? tags.calls : name == "invoke" ? tags.invoke : tags.parameter;
    at = end + 1;
  }
  return out;
}

void append_response_format(MarkedText& out, const Json& message) {
  const Json* format = field(message, "response_format");
  if (!format || format->empty()) return;
  out.append("\n\n## Response Format:\n\nYou MUST strictly adhere to the following schema to reply:\n", true);
  out.append(python_json(*format));
}

}  // namespace dure::encoding
