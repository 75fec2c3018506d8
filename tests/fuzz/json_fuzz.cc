// Whatever the bytes are, parse_json gives a tree or throws Error; a tree survives being written and read again.

#include <cstdint>

#include "base/error.h"
#include "base/json.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  dure::Json json;
  try {
    json = dure::parse_json(text, "input");
  } catch (const dure::Error&) {
    return 0;
  }
  for (const int indent : {-1, 2}) {
    const std::string written = dure::dump_json(json, indent);
    const std::string again = dure::dump_json(dure::parse_json(written, "written"), indent);
    if (written != again) __builtin_trap();
  }
  return 0;
}
