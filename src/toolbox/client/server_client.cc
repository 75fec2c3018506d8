#include "toolbox/client/server_client.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/json.h"
#include "toolbox/client/sse_parser.h"
#include "toolbox/client/url.h"

namespace dure {
namespace {

constexpr size_t kMaxDocument = 4 << 20;
constexpr std::string_view kApiPath = "/v1";

bool has_path(const std::string& url) { return url.find('/', url.find("://") + 3) != url.npos; }

const Json* field(const Json& object, const char* name) {
  const auto it = object.is_object() ? object.find(name) : object.end();
  return it == object.end() || it->is_null() ? nullptr : &*it;
}

std::string text_of(const Json& object, const char* name) {
  const Json* value = field(object, name);
  return value != nullptr && value->is_string() ? value->get<std::string>() : "";
}

int count_of(const Json& object, const char* name) {
  const Json* value = field(object, name);
  if (value == nullptr || !value->is_number_unsigned()) return 0;
  return static_cast<int>(std::min<uint64_t>(value->get<uint64_t>(), 1u << 30));
}

/// What the server says of an error, in the shapes that are in use: {"error": {"message"}}, {"error": "..."},
/// {"message"}, {"detail"}. Empty if it is none of them.
std::string message_of(const Json& body) {
  const Json* error = field(body, "error");
  if (error != nullptr && error->is_string()) return error->get<std::string>();
  if (error != nullptr) return text_of(*error, "message");
  const std::string message = text_of(body, "message");
  return message.empty() ? text_of(body, "detail") : message;
}

}  // namespace

ServerClient::ServerClient(Options options, StopCheck stop)
    : url_(std::move(options.url)), has_key_(!options.key.empty()), http_(options.stall, std::move(stop)) {
  require_http_url(url_, "the server's address");
  while (url_.ends_with('/')) url_.pop_back();
  api_ = has_path(url_) ? url_ : url_ + std::string(kApiPath);
  if (url_.ends_with(kApiPath)) url_.resize(url_.size() - kApiPath.size());
  // Nothing in it may end the header's line. It is never shown.
  const auto printable = [](char c) { return c > 0x20 && c < 0x7f; };
  require(options.key.size() <= 4096 && std::ranges::all_of(options.key, printable),
          "the server's key holds characters that no key has");
  if (has_key_) headers_.push_back("Authorization: Bearer " + options.key);
}

/// `body`: of a refusal. That of an answer is the caller's.
HttpReply ServerClient::send(HttpCall call, std::string& body) {
  call.headers = headers_;
  if (call.post) call.headers.push_back("Content-Type: application/json");
  bool refused = false;
  call.on_headers = [&](const HttpReply& reply) {
    refused = reply.status < 200 || reply.status >= 300;
    return true;
  };
  call.on_body = [&, take = std::move(call.on_body)](std::string_view part) {
    if (!refused) return take(part);
    require(body.size() + part.size() <= kMaxDocument, "{}: the answer is too long", url_);
    body += part;
  };
  HttpReply reply = http_.send(call);
  if (reply.status == 0) fail("{}: no server answers there ({}); dure serve MODEL starts one", url_, reply.problem);
  return reply;
}

void ServerClient::refuse(const HttpReply& reply, const std::string& body) const {
  if (reply.status == 401 || reply.status == 403)
    fail("{}: {}", url_,
         has_key_ ? "the server does not accept the key"
                  : "the server wants a key: give --api-key, or set DURE_API_KEY");
  require(!reply.redirects(), "{}: the server sends us to {}; give that address", url_,
          quote(reply.header("location")));
  const std::string said = message_of(Json::parse(body, nullptr, false));
  fail("{}: {}{}", url_, reply.what(), said.empty() ? "" : ": " + quote(said, 400));
}

Json ServerClient::document(const std::string& url, std::optional<std::string> post) {
  std::string text, refusal;
  HttpCall call{url, {}, {}, {}, std::move(post)};
  call.on_body = [&](std::string_view part) {
    require(text.size() + part.size() <= kMaxDocument, "{}: the answer is too long", url);
    text += part;
  };
  const HttpReply reply = send(std::move(call), refusal);
  if (!reply.ok()) refuse(reply, refusal);
  return parse_json(text, url);
}

Json ServerClient::get(const std::string& path) { return document(url_ + path); }

std::vector<ServedModel> ServerClient::models() {
  const Json list = document(api_ + "/models");
  std::vector<ServedModel> models;
  const Json* data = field(list, "data");
  if (data == nullptr || !data->is_array()) return models;
  for (const Json& card : *data) {
    ServedModel model{text_of(card, "id"), {}, 0, text_of(card, "owned_by")};
    if (model.id.empty()) continue;
    for (const char* name : {"max_model_len", "context_length"})
      if (model.context == 0) model.context = count_of(card, name);
    if (const Json* aliases = field(card, "aliases"); aliases != nullptr && aliases->is_array())
      for (const Json& alias : *aliases)
        if (alias.is_string()) model.aliases.push_back(alias.get<std::string>());
    models.push_back(std::move(model));
  }
  return models;
}

std::optional<int> ServerClient::count_tokens(const std::string& model, const std::string& text) {
  try {
    const Json counted =
        document(url_ + "/tokenize", dump_json({{"model", model}, {"content", text}, {"prompt", text}}));
    if (const int count = count_of(counted, "count"); count > 0) return count;
    const Json* tokens = field(counted, "tokens");
    if (tokens != nullptr && tokens->is_array()) return static_cast<int>(tokens->size());
  } catch (const Error&) {  // there is no such endpoint
  }
  return std::nullopt;
}

void ServerClient::stream_chat(const Json& request, const std::function<void(const Json&)>& on_chunk) {
  bool whole = false;
  SseParser parser([&](const SseEvent& event) {
    if (event.data == "[DONE]") {
      whole = true;
      return;
    }
    const Json chunk = parse_json(event.data, url_);
    if (const Json* error = field(chunk, "error"); error != nullptr) {
      const std::string said = message_of(chunk);
      fail("{}: {}", url_, said.empty() ? "the answer failed" : quote(said, 400));
    }
    on_chunk(chunk);
  });
  std::string refusal;
  HttpCall call{api_ + "/chat/completions", {}, {}, {}, dump_json(request)};
  call.on_body = [&](std::string_view part) { parser.push(part); };
  const HttpReply reply = send(std::move(call), refusal);
  if (!reply.ok() && reply.problem.empty()) refuse(reply, refusal);
  require(whole, "{}: the answer broke off{}", url_, reply.problem.empty() ? "" : " (" + reply.problem + ")");
}

}  // namespace dure
