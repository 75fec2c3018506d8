#include "formats/model_tokenizer.h"

#include "formats/gguf.h"
#include "formats/tokenizer_gguf.h"
#include "formats/tokenizer_json.h"

namespace dure {

TokenizerSpec read_model_tokenizer(const std::filesystem::path& model) {
  if (std::filesystem::is_directory(model)) return read_tokenizer(model);
  return read_gguf_tokenizer(Gguf::open(model));
}

}  // namespace dure
