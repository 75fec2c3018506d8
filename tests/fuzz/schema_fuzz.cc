// Whatever the bytes are, they are a schema that compiles within its limits, or Error is thrown. What is written by its
// grammar is JSON.

#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "base/json.h"
#include "fuzz_grammar.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace dure;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  std::string written;
  try {
    written = write_something(grammar::json_schema(parse_json(text, "schema")), size);
  } catch (const Error&) {
    return 0;
  }
  try {
    if (!written.empty()) parse_json(written, "what was written");
  } catch (const Error& error) {
    // 1e400 is JSON, whatever a program can do with it.
    if (std::string_view(error.what()).find("number overflow") == std::string_view::npos) throw;
  }
  return 0;
}
