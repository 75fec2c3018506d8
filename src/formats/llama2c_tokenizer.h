#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "base/tokenizer_spec.h"

namespace dure {

/// The tokenizer.bin of karpathy/llama2.c (tokenizer.py export, run.c build_tokenizer): a SentencePiece BPE vocabulary
/// with <unk> 0, <s> 1, </s> 2 and the 256 byte tokens from 3. Little-endian:
///
///     int32 max_token_length, then for every token until the end: float32 score, int32 length, the bytes
///
/// Spaces, which the file writes plainly, become U+2581 as in the model the file was made from.
/// Throws Error naming `source` and the offset for a broken file.
TokenizerSpec parse_llama2c_tokenizer(std::span<const std::byte> file, std::string_view source);

}  // namespace dure
