#pragma once

#include <string_view>

#include "base/json_fwd.h"
#include "text/marked_text.h"

namespace dure::encoding {

/// DSML, DeepSeek's markup for tool calls: `<｜DSML｜invoke name="f">`. `｜DSML｜` is one token; what follows it
/// differs from model to model.
struct DsmlTags {
  std::string_view calls, invoke, parameter;
};

std::string dsml_open(std::string_view tag);   ///< `<｜DSML｜tag`, without `>`
std::string dsml_close(std::string_view tag);  ///< `</｜DSML｜tag>`

/// The block of an assistant's calls: one invoke per call, one parameter per argument; strings as they are, other
/// values as JSON. Arguments may be an object or JSON text; text that is no object becomes one parameter "arguments".
void append_calls(MarkedText& out, const Json& calls, const DsmlTags& tags);

/// A part of the instructions with the tags filled in: `{calls}`, `{invoke}` and `{parameter}` in `text`.
std::string with_tags(std::string_view text, const DsmlTags& tags);

/// The heading and the JSON schema that the answer must follow, if the message asks for one.
void append_response_format(MarkedText& out, const Json& message);

}  // namespace dure::encoding
