#pragma once

#include <span>
#include <string_view>

#include "base/tokenizer_spec.h"

namespace dure {

/// What the name in tokenizer.ggml.pre stands for. Patterns are those of the models' own tokenizer.json where
/// published, else of llama.cpp (src/llama-vocab.cpp); they are applied one after the other, every match a piece of its
/// own.
struct GgufPreTokenizer {
  std::string_view name;
  std::span<const char* const> patterns;
  bool ignore_merges = false;
  bool nfc = false;      ///< the model's own tokenizer normalises, though llama.cpp does not
  bool add_bos = false;  ///< where the file does not say
};

/// Null if the name is not known.
const GgufPreTokenizer* find_gguf_pre_tokenizer(std::string_view name);

/// The first that cuts text as `spec` does, compared step by step. Null if there is none.
const GgufPreTokenizer* find_gguf_pre_tokenizer(const TokenizerSpec& spec);

}  // namespace dure
