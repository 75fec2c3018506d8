#pragma once

#include <string_view>

#include "base/tokenizer_spec.h"
#include "formats/generation_config.h"
#include "formats/gguf_writer.h"

namespace dure {

/// "tokenizer.": the vocabulary, merges or scores, special ids and chat templates, as read_gguf_tokenizer() reads them.
/// Ids up to `vocab_size` that are no token become unused "[PAD7]".
///
/// Files name the way that text is cut into words (tokenizer.ggml.pre). `pre` empty: the name of the one that has the
/// same steps as `spec`; else that name.
/// Throws Error if no name fits, if the kind of tokenizer has no place in GGUF, or if an id is beyond the vocabulary.
void add_tokenizer(GgufHead& head, const TokenizerSpec& spec, const GenerationConfig& generation, int vocab_size,
                   std::string_view pre);

/// For a model without a tokenizer: says so, and which ids begin and end a text.
void add_no_tokenizer(GgufHead& head, const GenerationConfig& generation);

}  // namespace dure
