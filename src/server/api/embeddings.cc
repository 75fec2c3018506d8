#include "server/api/embeddings.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"

namespace dure {
namespace {

constexpr size_t kMostTexts = 2048;

std::vector<int> ids_of(const Json& input, const ChatService& service, const RequestFields& body, const char* field) {
  if (input == "") body.refuse(field, "text that is not empty");  // a tokenizer may make a token of nothing
  if (input.is_string()) return service.model().raw_prompt(input.get_ref<const std::string&>());
  if (!input.is_array()) body.refuse(field, "text, token ids, or a list of them");
  return token_ids(input, body.path(field));
}

/// The first values, made as long as 1 again.
void shorten(std::vector<float>& vector, size_t dimensions) {
  vector.resize(dimensions);
  const double length = std::sqrt(std::inner_product(vector.begin(), vector.end(), vector.begin(), 0.0));
  for (float& v : vector) v = static_cast<float>(v / std::max(length, 1e-30));
}

}  // namespace

std::optional<Embeddings> embed_input(const RequestFields& body, const char* field, ChatService& service,
                                      const Exchange& exchange) {
  const Json* input = body.find(field);
  if (input == nullptr) body.refuse(field, "text, token ids, or a list of them");
  const bool many = input->is_array() && !input->empty() && !input->front().is_number();
  if (many && input->size() > kMostTexts) body.refuse(field, fmt::format("at most {} texts", kMostTexts));
  const int width = service.model().info().hidden_size;
  const auto dimensions = body.integer("dimensions", 1, width);

  std::vector<std::vector<int>> texts;
  for (size_t i = 0; i < (many ? input->size() : 1); ++i) {
    texts.push_back(ids_of(many ? (*input)[i] : *input, service, body, field));
    if (texts.back().empty()) body.refuse(field, "text that is not empty");
  }
  Embeddings out;
  for (const std::vector<int>& ids : texts) {
    if (exchange.closed()) return std::nullopt;
    out.tokens += ids.size();
    out.vectors.push_back(service.embed(ids));
    if (dimensions) shorten(out.vectors.back(), static_cast<size_t>(*dimensions));
  }
  return out;
}

}  // namespace dure
