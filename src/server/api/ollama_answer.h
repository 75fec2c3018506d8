#pragma once

#include "server/api/server_context.h"

namespace dure {

enum class OllamaKind : uint8_t { chat, generate };

/// Answers in Ollama's protocol: one JSON object, or one per line.
std::shared_ptr<ApiSink> make_ollama_sink(std::shared_ptr<Exchange> exchange, ModelLease lease, OllamaKind kind,
                                          bool stream);

/// 2026-11-23T01:02:03Z
std::string rfc3339(int64_t unix_seconds);

}  // namespace dure
