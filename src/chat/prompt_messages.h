#pragma once

#include "base/json.h"
#include "text/tools/template_traits.h"

namespace dure {

/// The fields `messages` and `tools` of a template's context.
struct PromptMessages {
  Json messages, tools;  ///< tools: null if the template is not to see any
};

/// OpenAI's messages as a model's template reads them. Each difference between what clients send and what templates
/// understand is settled here:
///
/// - content: parts of text are joined by line breaks; null stays null where calls are and the template likes it so;
///   images and audio are refused. `name` of a speaker is left out, `developer` becomes `system`.
/// - calls: `arguments` as an object or as JSON text, whichever the template writes out properly; the old
///   `function_call` becomes a call. A template that takes one call per message, or no text beside it, gets several
///   messages.
/// - tool results keep their id and learn the name of the function they answer.
/// - reasoning_content (or `reasoning`): kept after the last question and, when tools are offered, everywhere; else
///   left out. It may be missing.
/// - A template that does not show tools finds them in the system message, with the way to call them; one that does
///   not write calls or results finds them as text. So tools are never dropped in silence.
///
/// `tools` may be null. Throws RequestError naming the field at fault.
PromptMessages prompt_messages(const Json& messages, const Json& tools, const ToolStyle& style);

}  // namespace dure
