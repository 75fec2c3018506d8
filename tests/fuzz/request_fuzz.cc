// Whatever the body of a request is, every protocol's reader takes it or refuses it with 400 and a message. The first
// byte chooses the reader.

#include <cstdint>

#include "base/error.h"
#include "base/json.h"
#include "server/api/anthropic_request.h"
#include "server/api/completion_request.h"
#include "server/api/ollama_request.h"
#include "server/api/responses_request.h"
#include "server/api/responses_store.h"

namespace {

void read(uint8_t protocol, const dure::Json& body) {
  static const dure::ApiLimits limits;
  static dure::ResponsesStore store;
  switch (protocol % 7) {
    case 0: dure::read_chat_completion(body, limits); break;
    case 1: dure::read_completion(body, limits); break;
    case 2: dure::read_response_request(body, limits, store); break;
    case 3: dure::read_anthropic_message(body, limits); break;
    case 4: dure::read_anthropic_message(body, limits, true); break;
    case 5: dure::read_ollama_chat(body, limits); break;
    case 6: dure::read_ollama_generate(body, limits); break;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  dure::HttpRequest request;
  request.body.assign(reinterpret_cast<const char*>(data) + 1, size - 1);
  try {
    read(data[0], dure::parse_body(request));
  } catch (const dure::HttpError& error) {
    if (error.status != 400 || std::string_view(error.what()).empty()) __builtin_trap();
    dure::anthropic_error(error);
    dure::ollama_error(error);
    dure::openai_error(error);
  }
  return 0;
}
