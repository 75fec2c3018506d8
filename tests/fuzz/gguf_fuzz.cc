// Whatever the bytes are, they are a GGUF file whose metadata, tensors and model can be read, or an Error.

#include "base/error.h"
#include "base/json.h"
#include "formats/gguf_checkpoint.h"

namespace {

using dure::Gguf;

void read_values(const Gguf& file) {
  for (const Gguf::Value& value : file.metadata()) {
    dure::describe(value);
    for (int accessor = 0; accessor < 7; ++accessor) {
      try {
        switch (accessor) {
          case 0: file.string(value.key); break;
          case 1: file.integer(value.key, INT64_MIN, INT64_MAX); break;
          case 2: file.number(value.key); break;
          case 3: file.boolean_or(value.key, false); break;
          case 4: file.strings(value.key); break;
          case 5: file.integers(value.key, INT64_MIN, INT64_MAX); break;
          case 6: file.numbers(value.key); break;
        }
      } catch (const dure::Error&) {  // of another type
      }
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static dure::Device device(std::make_shared<dure::ThreadPool>(1), nullptr);
  try {
    Gguf file = Gguf::parse(std::as_bytes(std::span(data, size)), "input", nullptr);
    read_values(file);
    for (const Gguf::TensorEntry& entry : file.tensors()) {
      try {
        file.load(entry, device).to_floats();
      } catch (const dure::Error&) {  // a type that is only listed
      }
    }
    std::vector<Gguf> parts;
    parts.push_back(std::move(file));
    const auto checkpoint = dure::make_gguf_checkpoint(std::move(parts), device);
    dure::dump_json(checkpoint->config());
    checkpoint->tensors();
    for (const char* name : {"model.embed_tokens.weight", "model.layers.0.self_attn.q_proj.weight",
                             "model.layers.0.mlp.experts.1.up_proj.weight"})
      if (const auto found = checkpoint->find(name)) found->data.to_floats();
  } catch (const dure::Error&) {}
  return 0;
}
