#include <algorithm>

#include "base/error.h"
#include "base/json.h"
#include "base/sha256.h"
#include "base/version.h"
#include "server/api/embeddings.h"
#include "server/api/endpoints.h"
#include "server/api/ollama_answer.h"
#include "server/api/ollama_request.h"
#include "server/api/server_context.h"
#include "server/http/event_stream.h"

namespace dure {
namespace {

/// Ollama's clients write "name:latest" for what has no tag.
std::string model_name(const ServerContext& context, std::string name) {
  constexpr std::string_view kTag = ":latest";
  if (!name.ends_with(kTag)) return name;
  for (const ModelCard& card : context.models.list())
    if (card.id == name || std::ranges::find(card.aliases, name) != card.aliases.end()) return name;
  name.resize(name.size() - kTag.size());
  return name;
}

ModelCard card_of(ServerContext& context, const RequestFields& body) {
  const std::string given = body.string_or("model", body.string_or("name", ""));
  const std::string name = model_name(context, given);
  for (const ModelCard& card : context.models.list())
    if (card.id == name || std::ranges::find(card.aliases, name) != card.aliases.end()) return card;
  throw not_found(fmt::format("model {} not found", quote(given)), "model_not_found");
}

std::string parameter_size(int64_t parameters) {
  if (parameters <= 0) return "";
  if (parameters >= 1'000'000'000) return fmt::format("{:.1f}B", static_cast<double>(parameters) / 1e9);
  return fmt::format("{:.1f}M", static_cast<double>(parameters) / 1e6);
}

Json details(const ModelCard& card) {
  return {{"parent_model", card.base},
          {"format", card.path.extension() == ".gguf" ? "gguf" : "safetensors"},
          {"family", card.model_type},
          {"families", Json::array({card.model_type})},
          {"parameter_size", parameter_size(card.parameters)},
          {"quantization_level", ""}};
}

Json model_tag(const ModelCard& card) {
  // Clients only compare digests: any text that changes with the model will do.
  Sha256 hash;
  hash.update(fmt::format("{} {} {}", card.id, card.bytes, card.modified));
  std::string digest;
  for (const uint8_t byte : hash.digest()) digest += fmt::format("{:02x}", byte);
  return {{"name", card.id},    {"model", card.id}, {"modified_at", rfc3339(card.modified)},
          {"size", card.bytes}, {"digest", digest}, {"details", details(card)}};
}

void version(ServerContext&, const std::shared_ptr<Exchange>& exchange) {
  // Editors refuse to talk to an Ollama that is older than this; nothing else about it is claimed.
  exchange->send(json_response(200, {{"version", "0.12.0"}, {"dure", kVersion}}));
}

void tags(ServerContext& context, const std::shared_ptr<Exchange>& exchange) {
  Json models = Json::array();
  for (const ModelCard& card : context.models.list()) models.push_back(model_tag(card));
  exchange->send(json_response(200, {{"models", std::move(models)}}));
}

void running(ServerContext& context, const std::shared_ptr<Exchange>& exchange) {
  Json models = Json::array();
  for (const ModelCard& card : context.models.list()) {
    if (!card.loaded) continue;
    Json json = model_tag(card);
    json["expires_at"] = "9999-12-31T23:59:59Z";
    json["size_vram"] = 0;
    json["context_length"] = card.max_model_len;
    models.push_back(std::move(json));
  }
  exchange->send(json_response(200, {{"models", std::move(models)}}));
}

void show(ServerContext& context, const std::shared_ptr<Exchange>& exchange) {
  const Json json = parse_body(exchange->request());
  const ModelCard card = card_of(context, RequestFields(json));
  const std::string type = card.model_type.empty() ? "unknown" : card.model_type;
  Json info = {{"general.architecture", type}, {"general.parameter_count", card.parameters}};
  std::string source;
  if (card.loaded) {
    const ModelLease lease = acquire_model(context, card.id);
    source = lease.service->model().template_source();
    info[type + ".context_length"] = lease.service->max_model_len();
    info[type + ".embedding_length"] = lease.service->model().info().hidden_size;
  }
  Json capabilities = {"completion", "tools", "embedding"};
  if (source.find("think") != source.npos) capabilities.push_back("thinking");
  exchange->send(json_response(200, {{"license", ""},
                                     {"modelfile", ""},
                                     {"parameters", ""},
                                     {"template", source},
                                     {"details", details(card)},
                                     {"model_info", std::move(info)},
                                     {"capabilities", std::move(capabilities)},
                                     {"modified_at", rfc3339(card.modified)}}));
}

/// Requests without a question load the model, or let it go.
void load(ServerContext& context, const std::shared_ptr<Exchange>& exchange, const OllamaRequest& request,
          OllamaKind kind) {
  const std::string name = model_name(context, request.form.model);
  Json json = {{"model", request.form.model}, {"created_at", rfc3339(unix_seconds())}};
  if (kind == OllamaKind::chat)
    json["message"] = {{"role", "assistant"}, {"content", ""}};
  else
    json["response"] = "";
  if (request.unload)
    context.models.unload(name);
  else
    acquire_model(context, name);
  json["done"] = true;
  json["done_reason"] = request.unload ? "unload" : "load";
  exchange->send(json_response(200, json));
}

void answer(ServerContext& context, const std::shared_ptr<Exchange>& exchange, OllamaRequest request, OllamaKind kind) {
  if (request.form.stream) NdjsonStream::expect(*exchange);
  if (request.empty) return load(context, exchange, request, kind);
  const ModelLease lease = acquire_model(context, model_name(context, request.form.model));
  const auto sink = make_ollama_sink(exchange, lease, kind, request.form.stream);
  submit_answer(context, lease, std::move(request.chat), exchange, sink);
}

void chat(ServerContext& context, const std::shared_ptr<Exchange>& exchange) {
  answer(context, exchange, read_ollama_chat(parse_body(exchange->request()), context.limits), OllamaKind::chat);
}

void generate(ServerContext& context, const std::shared_ptr<Exchange>& exchange) {
  answer(context, exchange, read_ollama_generate(parse_body(exchange->request()), context.limits),
         OllamaKind::generate);
}

void embed(ServerContext& context, const std::shared_ptr<Exchange>& exchange) {
  const Json json = parse_body(exchange->request());
  const RequestFields body(json);
  const ModelLease lease = acquire_model(context, model_name(context, body.string_or("model", "")));
  const auto vectors = embed_input(body, "input", *lease.service, *exchange);
  if (!vectors) return;
  exchange->send(json_response(200, {{"model", lease.id},
                                     {"embeddings", vectors->vectors},
                                     {"load_duration", static_cast<int64_t>(lease.load_seconds * 1e9)},
                                     {"prompt_eval_count", vectors->tokens}}));
}

/// The endpoint of before /api/embed: one text.
void embed_prompt(ServerContext& context, const std::shared_ptr<Exchange>& exchange) {
  const Json json = parse_body(exchange->request());
  const RequestFields body(json);
  const ModelLease lease = acquire_model(context, model_name(context, body.string_or("model", "")));
  const auto vectors = embed_input(body, "prompt", *lease.service, *exchange);
  if (vectors) exchange->send(json_response(200, {{"embedding", vectors->vectors.front()}}));
}

}  // namespace

std::vector<Endpoint> ollama_endpoints() {
  const RouteOptions options{.errors = ollama_error};
  constexpr const char* kAnswer =
      "model!:string stream:boolean format:any options:object think:any keep_alive:any tools:array";
  static const std::string chat_fields = std::string("messages:array ") + kAnswer,
                           generate_fields =
                               std::string("prompt:string suffix:string system:string raw:boolean ") + kAnswer;
  return {
      {"GET", "/api/version", "ollama", "The version of Ollama that this resembles", version, nullptr, options},
      {"GET", "/api/tags", "ollama", "All models", tags, nullptr, options},
      {"GET", "/api/ps", "ollama", "Models that are loaded", running, nullptr, options},
      {"POST", "/api/show", "ollama", "One model", show, "model!:string", options},
      {"POST", "/api/chat", "ollama", "An answer to a conversation", chat, chat_fields.c_str(), options},
      {"POST", "/api/generate", "ollama", "An answer to a prompt", generate, generate_fields.c_str(), options},
      {"POST", "/api/embed", "ollama", "Vectors of texts", embed, "model!:string input!:any dimensions:integer",
       options},
      {"POST", "/api/embeddings", "ollama", "The vector of one text", embed_prompt, "model!:string prompt!:string",
       options},
  };
}

}  // namespace dure
