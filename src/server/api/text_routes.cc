#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "server/api/routes.h"

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

std::vector<int> ids_of(const Json& input, const ChatService& service, const char* field) {
  if (input.is_string()) return service.model().raw_prompt(input.get_ref<const std::string&>());
  if (input.is_array() && !input.empty()) {
    std::vector<int> ids;
    for (const Json& id : input) {
      if (!id.is_number_integer()) throw bad_request(fmt::format("{}: expected text or token ids", field), field);
      ids.push_back(id.get<int>());
    }
    return ids;
  }
  throw bad_request(fmt::format("{}: expected text, token ids, or a list of them", field), field);
}

void embeddings(ServerContext& context, const std::shared_ptr<Exchange>& exchange) {
  const Json json = parse_body(exchange->request());
  const RequestFields body(json);
  const std::string encoding = body.string_or("encoding_format", "float");
  if (encoding != "float" && encoding != "base64") body.refuse("encoding_format", "float or base64");
  const Json* input = body.find("input");
  if (input == nullptr) body.refuse("input", "text, token ids, or a list of them");
  const bool many = input->is_array() && !input->empty() && !input->front().is_number();
  if (many && input->size() > 2048) body.refuse("input", "at most 2048 texts");
  const auto dimensions = body.integer("dimensions", 1, 1 << 20);
  const ModelLease lease = context.models.acquire(body.string_or("model", ""));
  const int width = lease.service->model().info().hidden_size;
  if (dimensions && *dimensions > width) body.refuse("dimensions", fmt::format("at most {}", width));

  std::vector<std::vector<int>> texts;
  for (const Json& item : many ? *input : Json::array({*input})) {
    texts.push_back(ids_of(item, *lease.service, "input"));
    if (texts.back().empty()) body.refuse("input", "text that is not empty");
  }
  Json data = Json::array();
  size_t tokens = 0;
  for (const std::vector<int>& ids : texts) {
    if (exchange->closed()) return;
    tokens += ids.size();
    std::vector<float> e = lease.service->embed(ids);
    if (dimensions) {  // the first ones, made as long as 1 again
      e.resize(static_cast<size_t>(*dimensions));
      const double length = std::sqrt(std::inner_product(e.begin(), e.end(), e.begin(), 0.0));
      for (float& v : e) v = static_cast<float>(v / std::max(length, 1e-30));
    }
    data.push_back({{"object", "embedding"},
                    {"index", data.size()},
                    {"embedding", encoding == "base64" ? Json(packed(e)) : Json(e)}});
  }
  exchange->send(json_response(200, {{"object", "list"},
                                     {"data", std::move(data)},
                                     {"model", lease.id},
                                     {"usage", {{"prompt_tokens", tokens}, {"total_tokens", tokens}}}}));
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
  const ModelLease lease = context.models.acquire(body.string_or("model", ""));
  const std::vector<double> scores = lease.service->rerank(*query, documents);
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

/// The ids of a body of /tokenize: llama.cpp's `content`, vLLM's `prompt` or `messages`.
void tokenize(ServerContext& context, const std::shared_ptr<Exchange>& exchange) {
  const Json json = parse_body(exchange->request());
  const RequestFields body(json);
  const ModelLease lease = context.models.acquire(body.string_or("model", ""));
  const Tokenizer& tokenizer = lease.service->model().tokenizer();
  std::vector<int> ids;
  if (body.has("messages")) {
    ids = lease.service->prompt(read_chat_completion(json, context.limits).chat).ids;
  } else {
    const auto text = body.has("content") ? body.string("content") : body.string("prompt");
    if (!text) body.refuse("content", "text");
    // llama.cpp leaves BOS out unless asked, vLLM adds it.
    const bool special =
        body.has("content") ? body.boolean_or("add_special", false) : body.boolean_or("add_special_tokens", true);
    ids = special ? lease.service->model().raw_prompt(*text)
                  : tokenizer.encode(*text, {.parse_special = body.boolean_or("parse_special", true)});
  }
  Json tokens = ids;
  if (body.boolean_or("with_pieces", false)) {
    tokens = Json::array();
    for (const int id : ids) tokens.push_back({{"id", id}, {"piece", tokenizer.decode(std::vector<int>{id})}});
  }
  exchange->send(json_response(
      200, {{"tokens", std::move(tokens)}, {"count", ids.size()}, {"max_model_len", lease.service->max_model_len()}}));
}

void detokenize(ServerContext& context, const std::shared_ptr<Exchange>& exchange) {
  const Json json = parse_body(exchange->request());
  const RequestFields body(json);
  const Json* tokens = body.array("tokens", 1 << 22);
  if (tokens == nullptr) body.refuse("tokens", "token ids");
  const ModelLease lease = context.models.acquire(body.string_or("model", ""));
  std::vector<int> ids;
  for (const Json& id : *tokens) {
    if (!id.is_number_integer()) body.refuse("tokens", "token ids");
    ids.push_back(id.get<int>());
  }
  const std::string text = lease.service->model().tokenizer().decode(ids);
  exchange->send(json_response(200, {{"content", text}, {"prompt", text}}));
}

void apply_template(ServerContext& context, const std::shared_ptr<Exchange>& exchange) {
  OpenAiRequest request = read_chat_completion(parse_body(exchange->request()), context.limits);
  const ModelLease lease = context.models.acquire(request.form.model);
  exchange->send(json_response(200, {{"prompt", lease.service->prompt(request.chat).text}}));
}

void count_tokens(ServerContext& context, const std::shared_ptr<Exchange>& exchange) {
  OpenAiRequest request = read_chat_completion(parse_body(exchange->request()), context.limits);
  const ModelLease lease = context.models.acquire(request.form.model);
  exchange->send(json_response(200, {{"input_tokens", lease.service->prompt(request.chat).ids.size()}}));
}

}  // namespace

void add_text_routes(Router& router, ServerContext& context) {
  using Endpoint = void (*)(ServerContext&, const std::shared_ptr<Exchange>&);
  for (const auto& [path, endpoint] :
       std::initializer_list<std::pair<const char*, Endpoint>>{{"/v1/embeddings", embeddings},
                                                               {"/embeddings", embeddings},
                                                               {"/v1/rerank", rerank},
                                                               {"/rerank", rerank},
                                                               {"/v1/reranking", rerank},
                                                               {"/tokenize", tokenize},
                                                               {"/detokenize", detokenize},
                                                               {"/apply-template", apply_template},
                                                               {"/v1/chat/completions/input_tokens", count_tokens}})
    router.add("POST", path,
               [&context, endpoint = endpoint](const std::shared_ptr<Exchange>& x) { endpoint(context, x); });
}

}  // namespace dure
