#pragma once

#include <filesystem>
#include <string_view>

#include "base/tokenizer_spec.h"

namespace dure {

/// The tokenizer of a Hugging Face model folder: tokenizer.json, and what tokenizer_config.json,
/// special_tokens_map.json and chat_template.jinja add to it where they exist. Format: docs/formats/tokenizer.md.
/// Throws Error naming the file and field for anything missing, contradictory or unknown.
TokenizerSpec read_tokenizer(const std::filesystem::path& folder);

/// One tokenizer.json. `source` names it in errors.
TokenizerSpec parse_tokenizer_json(std::string_view text, std::string_view source);

/// What a tokenizer_config.json says: special strings, BOS and EOS, added tokens, chat templates.
void apply_tokenizer_config(TokenizerSpec& spec, std::string_view text, std::string_view source);

}  // namespace dure
