// Whatever the bytes are, they are a generation_config.json with values in range, or an Error.

#include <cstddef>
#include <cstdint>

#include "base/error.h"
#include "base/json.h"
#include "formats/generation_config.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    const dure::Json json = dure::parse_json({reinterpret_cast<const char*>(data), size}, "input");
    const dure::GenerationConfig config = dure::parse_generation_config(json, "input");
    for (int id : config.eos_token_ids)
      if (id < 0) __builtin_trap();
    if (config.top_p && !(*config.top_p >= 0 && *config.top_p <= 1)) __builtin_trap();
  } catch (const dure::Error&) {}
  return 0;
}
