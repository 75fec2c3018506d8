#pragma once

#include <string>

#include "base/tokenizer_spec.h"

namespace dure {

/// A tokenizer as the text of a Hugging Face tokenizer.json: the same ids, merges by rank, steps, added tokens, and a
/// template that adds the prefix and suffix. parse_tokenizer_json reads it back.
/// Throws Error if a merge can not be written (a token with a space in it).
std::string to_tokenizer_json(const TokenizerSpec& spec);

/// The tokenizer_config.json beside it: special strings, BOS and EOS, chat templates.
std::string to_tokenizer_config(const TokenizerSpec& spec);

}  // namespace dure
