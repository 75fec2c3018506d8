#pragma once

#include <cstdint>

namespace dure {

/// What tokenizer.ggml.token_type says of a token.
enum GgufTokenType : int32_t {
  kGgufNormal = 1,
  kGgufUnknown = 2,
  kGgufControl = 3,
  kGgufUserDefined = 4,
  kGgufUnused = 5,
  kGgufByte = 6
};

}  // namespace dure
