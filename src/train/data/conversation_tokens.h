#pragma once

#include <string>
#include <vector>

#include "base/json_fwd.h"
#include "text/prompt_renderer.h"
#include "text/tokenizer.h"
#include "train/data/token_shard.h"

namespace dure {

/// A conversation as the ids that a model meets when it is served: what stands before an answer is encoded as a prompt,
/// an answer by itself, as it is sampled. The answers (reasoning and end token with them) are learned; the rest is not.
///
/// An answer is what the template adds to the prompt that it writes for the messages before it. A template that writes
/// old turns differently, so that no one text has all answers, gives several documents, each with the prompt that its
/// answers really had. An assistant's "<think>A</think>B" without reasoning_content is taken for A and B.
///
/// Throws Error if a message has no role, no assistant speaks, or an answer does not begin with its prompt.
std::vector<TokenizedDocument> conversation_tokens(const Json& messages, const PromptRenderer& renderer,
                                                   const Tokenizer& tokenizer);

/// The prompt for the next answer, by itself; `thinking`: one that begins with reasoning, where the template knows
/// that.
std::vector<int> prompt_tokens(const Json& messages, bool thinking, const PromptRenderer& renderer,
                               const Tokenizer& tokenizer);

}  // namespace dure
