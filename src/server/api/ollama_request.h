#pragma once

#include "server/api/openai_request.h"

namespace dure {

struct OllamaRequest : OpenAiRequest {
  bool empty = false;   ///< no messages and no prompt: the model is only to be loaded
  bool unload = false;  ///< ... or, with keep_alive 0, to be let go
};

/// Bodies of POST /api/chat and POST /api/generate. Throw HttpError 400.
OllamaRequest read_ollama_chat(const Json& body, const ApiLimits& limits);
OllamaRequest read_ollama_generate(const Json& body, const ApiLimits& limits);

/// {"error":"what is wrong"}
HttpResponse ollama_error(const HttpError& error);

}  // namespace dure
