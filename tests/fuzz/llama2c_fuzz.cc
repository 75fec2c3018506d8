// Whatever the bytes are, they are a llama2.c model whose every tensor can be read, or an Error.

#include "base/error.h"
#include "formats/llama2c.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static dure::Device device(std::make_shared<dure::ThreadPool>(1), nullptr);
  try {
    const dure::Llama2c model = dure::parse_llama2c(std::as_bytes(std::span(data, size)), "input", nullptr, device);
    for (const auto& [name, tensor] : model.tensors) tensor.to_floats();
  } catch (const dure::Error&) {}
  return 0;
}
