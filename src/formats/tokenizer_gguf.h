#pragma once

#include "base/tokenizer_spec.h"
#include "formats/gguf.h"

namespace dure {

/// The tokenizer of a GGUF file (tokenizer.ggml.* metadata; llama.cpp, src/llama-vocab.cpp): models "gpt2" (byte-level
/// BPE) and "llama" (SentencePiece BPE). Token types: control and unknown tokens become special added tokens,
/// user-defined ones added tokens; padding ("[PAD123]") and unused ones no tokens at all.
/// Throws Error naming the file and key for other models, unknown pre-tokenizers and contradictions.
TokenizerSpec read_gguf_tokenizer(const Gguf& gguf);

}  // namespace dure
