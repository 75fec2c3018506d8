// Whatever the bytes are, they are a grammar that compiles within its limits, or Error is thrown. A text of the grammar
// can be written from wherever one is.

#include <cstdint>

#include "base/error.h"
#include "fuzz_grammar.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    dure::write_something(dure::grammar::gbnf(text), size);
  } catch (const dure::Error&) {}
  return 0;
}
