#pragma once

#include <string_view>

#include "text/prompt_renderer.h"
#include "text/tools/tool_format.h"

namespace dure {

/// What a prompt format does with tools. Templates differ here without saying so.
struct TemplateTraits {
  bool tools = false;           ///< shows the definitions in `tools`
  bool calls = false;           ///< writes an assistant's tool_calls
  bool results = false;         ///< writes messages of the role tool
  bool parallel_calls = false;  ///< a message may have more than one call
  bool text_and_calls = false;  ///< a message may have text beside its calls
  bool text_arguments = false;  ///< calls want their arguments as JSON text, not as an object
  bool null_content = false;    ///< a message of calls and no text wants content null, not ""

  bool operator==(const TemplateTraits&) const = default;
};

/// Found out by rendering small conversations: a template that raises an exception, or leaves something out, does not
/// have the trait. Never throws for what the template does.
TemplateTraits probe_template(const PromptRenderer& renderer);

/// How a model writes calls and how its template wants to be told of them; found out once per model.
struct ToolStyle {
  const ToolFormat* format;
  TemplateTraits traits;
};

/// `source`: the template's text or the name of the encoding. The format is believed if a call that the template wrote
/// can be read back. A template with a format of its own has none of the traits: the model is told of another way.
ToolStyle tool_style(const PromptRenderer& renderer, std::string_view source);

}  // namespace dure
