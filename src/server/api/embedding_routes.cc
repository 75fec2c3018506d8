#include <algorithm>
#include <bit>
#include <numeric>

#include "server/api/embeddings.h"
#include "server/api/endpoints.h"
#include "server/api/server_context.h"

namespace dure {
namespace {

std::string base64(std::string_view bytes) {
  constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t three = 0;
    for (size_t j = 0; j < 3; ++j) three = three << 8 | (i + j < bytes.size() ? static_cast<uint8_t>(bytes[i + j]) : 0);
    for (size_t j = 0; j < 4; ++j) out += i + j <= bytes.size() ? kLetters[three >> (18 - 6 * j) & 63] : '=';
  }
  return out;
}

/// Little-endian float32, as OpenAI's clients ask for by default.
std::string packed(const std::vector<float>& values) {
  static_assert(std::endian::native == std::endian::little);
  return base64({reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)});
}

void embeddings(ServerContext& context, const std::shared_ptr<Exchange>& exchange) {
  const Json json = parse_body(exchange->request());
  const RequestFields body(json);
  const std::string encoding = body.string_or("encoding_format", "float");
  if (encoding != "float" && encoding != "base64") body.refuse("encoding_format", "float or base64");
  const ModelLease lease = acquire_model(context, body.string_or("model", ""));
  const auto made = embed_input(body, "input", *lease.service, *exchange);
  if (!made) return;
  Json data = Json::array();
  for (const std::vector<float>& vector : made->vectors)
    data.push_back({{"object", "embedding"},
                    {"index", data.size()},
                    {"embedding", encoding == "base64" ? Json(packed(vector)) : Json(vector)}});
  exchange->send(json_response(200, {{"object", "list"},
                                     {"data", std::move(data)},
                                     {"model", lease.id},
                                     {"usage", {{"prompt_tokens", made->tokens}, {"total_tokens", made->tokens}}}}));
}

void rerank(ServerContext& context, const std::shared_ptr<Exchange>& exchange) {
  const Json json = parse_body(exchange->request());
  const RequestFields body(json);
  const auto query = body.string("query");
  if (!query) body.refuse("query", "a string");
  const Json* given = body.array("documents", 1024);
  if (given == nullptr || given->empty()) body.refuse("documents", "a list of texts");
  std::vector<std::string> documents;
  for (const Json& d : *given) {
    const Json* text = d.is_object() && d.contains("text") ? &d["text"] : &d;
    if (!text->is_string()) body.refuse("documents", "texts");
    documents.push_back(text->get<std::string>());
  }
  const auto top = body.integer("top_n", 1, 1 << 20);
  const bool with_text = body.boolean_or("return_documents", false);
  const ModelLease lease = acquire_model(context, body.string_or("model", ""));
  std::vector<double> scores;
  for (const std::string& document : documents) {
    if (exchange->closed()) return;
    scores.push_back(lease.service->rerank(*query, {document}).front());
  }
  std::vector<size_t> order(scores.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, [&](size_t a, size_t b) { return scores[a] > scores[b]; });
  if (top && static_cast<size_t>(*top) < order.size()) order.resize(static_cast<size_t>(*top));
  Json results = Json::array();
  for (const size_t i : order) {
    results.push_back({{"index", i}, {"relevance_score", scores[i]}});
    if (with_text) results.back()["document"] = {{"text", documents[i]}};
  }
  exchange->send(json_response(200, {{"object", "list"}, {"model", lease.id}, {"results", std::move(results)}}));
}

}  // namespace

std::vector<Endpoint> embedding_endpoints() {
  return {{.method = "POST",
           .path = "/v1/embeddings",
           .group = "openai",
           .summary = "Vectors of texts",
           .handle = embeddings,
           .fields = "model:string input!:any encoding_format:string dimensions:integer"},
          {.method = "POST",
           .path = "/v1/rerank",
           .group = "openai",
           .summary = "How well documents answer a query",
           .handle = rerank,
           .fields = "model:string query!:string documents!:array top_n:integer return_documents:boolean",
           .aliases = "/v1/reranking /reranking"}};
}

}  // namespace dure
