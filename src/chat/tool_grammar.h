#pragma once

#include <string>

#include "base/json_fwd.h"
#include "chat/chat_request.h"
#include "sampling/grammar/rule.h"
#include "text/tokenizer.h"
#include "text/tools/answer_parser.h"
#include "text/tools/tool_format.h"

namespace dure {

/// What the choice of tools allows an answer to be, once its reasoning is over.
struct ToolGrammar {
  grammar::RulePtr rule = {};  ///< null: the answer is free
  std::string trigger = {};  ///< the answer is free until this text, and `rule` begins behind it; empty: `rule` is all
  int trigger_token = -1;    ///< the trigger as one token, if it is one
};

/// The calls that an answer may or must be, in the form that the model was trained on.
///
/// - none: free. auto: free until calls begin; then they are whole and valid. required, or a list of names: calls
///   and nothing else, from the first token after the reasoning on: one or more, up to as many as there are functions
///   to call, and up to four.
/// - Arguments keep to the function's `parameters`. A schema that cannot be kept exactly is refused for a `strict`
///   function; for others the arguments are then any JSON object (in DSML: any parameters).
/// - Formats without markers (Llama 3) get one call.
/// - Markers that are tokens of the vocabulary are allowed as these tokens only.
///
/// `start`: where the prompt left off. Formats without markers have no trigger: `auto` leaves them free.
/// Throws RequestError for names that are no tools and for strict schemas, naming the field.
ToolGrammar tool_grammar(const ToolFormat& format, const Json& tools, const ToolChoice& choice,
                         bool parallel_tool_calls, AnswerStart start, const Tokenizer& tokenizer);

}  // namespace dure
