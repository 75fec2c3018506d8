// A GGUF file whose metadata name a tokenizer: one that loads must tokenize any text and decode any ids.
#include "base/error.h"
#include "formats/gguf.h"
#include "formats/tokenizer_gguf.h"
#include "text/tokenizer.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    const dure::Gguf file = dure::Gguf::parse(std::as_bytes(std::span(data, size)), "input", nullptr);
    const dure::Tokenizer tokenizer(dure::read_gguf_tokenizer(file));
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    std::vector<int> ids = tokenizer.encode(bytes.substr(0, 200));
    ids.insert(ids.end(), {-1, 0, 1, 1 << 30});
    tokenizer.decode(ids);
  } catch (const dure::Error&) {}
  return 0;
}
