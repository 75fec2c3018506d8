#pragma once

#include <optional>
#include <vector>

#include "chat/chat_service.h"
#include "server/api/request_fields.h"

namespace dure {

struct Embeddings {
  std::vector<std::vector<float>> vectors;  ///< [texts, D], each of length 1
  size_t tokens = 0;                        ///< of all texts
};

/// The vectors of what stands in a field: a text, token ids, or a list of these. `dimensions` of the body cuts them
/// short. Blocks. None if the client left meanwhile; throws HttpError 400 for what is no text.
std::optional<Embeddings> embed_input(const RequestFields& body, const char* field, ChatService& service,
                                      const Exchange& exchange);

}  // namespace dure
