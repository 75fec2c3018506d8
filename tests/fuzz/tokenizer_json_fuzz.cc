// A tokenizer.json, and after a line "---" a text: a file that loads must tokenize any text and decode any ids.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/utf8.h"
#include "formats/tokenizer_json.h"
#include "formats/tokenizer_json_writer.h"
#include "text/tokenizer.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace dure;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t cut = std::min(input.find("\n---\n"), input.size());
  const std::string_view text = input.substr(std::min(cut + 5, input.size()));
  try {
    TokenizerSpec spec = parse_tokenizer_json(input.substr(0, cut), "fuzz");
    to_tokenizer_json(spec);
    const Tokenizer tokenizer(std::move(spec));
    for (const bool special : {false, true}) {
      std::vector<int> ids = tokenizer.encode(text, {.add_special = special, .parse_special = special});
      for (int id = -1; id < 20; ++id) ids.push_back(id);
      StreamDecoder decoder = tokenizer.stream_decoder(special);
      std::string streamed;
      for (const int id : ids) streamed += decoder.push(id);
      streamed += decoder.finish();
      if (streamed != tokenizer.decode(ids, special) || !is_utf8(streamed)) std::abort();
    }
  } catch (const Error&) {}
  return 0;
}
