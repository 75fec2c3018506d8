// Whatever the bytes are, they are a token shard whose every token can be read, or an Error.

#include "base/error.h"
#include "train/data/token_shard.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    const dure::TokenShard shard = dure::TokenShard::parse(std::as_bytes(std::span(data, size)), "input");
    for (int64_t d = 0; d < shard.documents(); ++d)
      for (int64_t i = shard.begin(d); i < shard.begin(d + 1); ++i)
        if (shard.token(i) >= shard.vocab_size() && shard.learned(i)) __builtin_trap();
  } catch (const dure::Error&) {}
  return 0;
}
