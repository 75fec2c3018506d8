#pragma once

#include <string_view>

#include "base/json_fwd.h"
#include "base/tokenizer_spec.h"

namespace dure {

/// The four step objects of a tokenizer.json, read into `spec`. Each may be null. Throws Error naming `source` and the
/// field for unknown types and options. The post-processor comes last: its ids must be those of tokens.
void read_normalizer(const Json& step, std::string_view source, TokenizerSpec& spec);
void read_pre_tokenizer(const Json& step, std::string_view source, TokenizerSpec& spec);
void read_decoder(const Json& step, std::string_view source, TokenizerSpec& spec);
void read_post_processor(const Json& step, std::string_view source, TokenizerSpec& spec);

}  // namespace dure
