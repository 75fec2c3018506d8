// Whatever the bytes are, they are an importance matrix of either kind, or an Error.

#include "base/error.h"
#include "formats/imatrix.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    for (const auto& [name, entry] : dure::parse_imatrix(std::as_bytes(std::span(data, size)), "input").entries)
      entry.means();
  } catch (const dure::Error&) {}
  return 0;
}
