#pragma once

#include "server/api/openai_request.h"

namespace dure {

/// A body of POST /v1/messages or /v1/messages/count_tokens (Anthropic's fields, and chat_template_kwargs). The latter
/// need no max_tokens. Throws HttpError 400.
OpenAiRequest read_anthropic_message(const Json& body, const ApiLimits& limits, bool count_only = false);

/// {"type":"error","error":{"type","message"}}
HttpResponse anthropic_error(const HttpError& error);

}  // namespace dure
