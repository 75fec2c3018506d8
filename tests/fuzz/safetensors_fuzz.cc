// Whatever the bytes are, they are a safetensors file whose every tensor can be read to its last byte, or an Error.

#include "base/error.h"
#include "formats/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static dure::Device device(std::make_shared<dure::ThreadPool>(1), nullptr);
  try {
    const dure::Safetensors file = dure::Safetensors::parse(std::as_bytes(std::span(data, size)), "input", nullptr);
    for (const auto& [name, entry] : file.entries()) {
      try {
        file.load(name, device).to_floats();
      } catch (const dure::Error&) {  // a dtype that is only listed
      }
    }
  } catch (const dure::Error&) {}
  return 0;
}
