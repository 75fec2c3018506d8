#include "server/ui/ui_routes.h"

#include "base/json.h"
#include "server/ui/conversations.h"
#include "server/ui/feedback_export.h"

namespace dure {
namespace {

using UiHandler = std::function<HttpResponse(const HttpRequest&)>;

HttpResponse ui_config(const UiOptions& options) {
  Json limits = Json::object();
  limits["body_bytes"] = options.limits.body_bytes;
  limits["attachment_bytes"] = options.limits.attachment_bytes;
  limits["attachments"] = options.limits.attachments;
  Json config = Json::object();
  config["name"] = options.name;
  config["version"] = options.version;
  config["storage"] = options.store ? "server" : "browser";
  config["auth"] = options.auth;
  config["limits"] = std::move(limits);
  return json_response(200, config);
}

/// Whatever goes wrong in the store is the server's trouble, not the request's.
HttpError storage_error(const Error& error) {
  const bool full = dynamic_cast<const StorageFull*>(&error) != nullptr;
  return {full ? 507 : 500, "server_error", full ? "storage_full" : "storage_failed", error.what()};
}

/// Answers of this interface are never kept by browsers, errors included, unless they say otherwise.
Handler answered_by(UiHandler handler) {
  return [handler = std::move(handler)](const std::shared_ptr<Exchange>& exchange) {
    HttpResponse response;
    try {
      response = handler(exchange->request());
    } catch (const HttpError& error) {
      response = exchange->error_response(error);
    } catch (const Error& error) {
      response = exchange->error_response(storage_error(error));
    }
    if (!response.headers.has("cache-control")) response.headers.add("cache-control", "no-store");
    exchange->send(std::move(response));
  };
}

}  // namespace

void add_ui_routes(Router& router, const UiOptions& options) {
  router.add("GET", "/ui/config", answered_by([options](const HttpRequest&) { return ui_config(options); }),
             {.needs_key = false, .light = true});

  const auto add = [&](const char* method, const char* pattern, auto handle) {
    router.add(method, pattern, answered_by([options, handle](const HttpRequest& request) {
                 if (!options.store)
                   throw HttpError(403, "permission_error", "storage_disabled",
                                   "conversations are kept in the browser");
                 return handle(ConversationApi{*options.store, options.limits}, request);
               }));
  };
  using Api = ConversationApi;
  using Request = const HttpRequest&;
  add("GET", "/ui/conversations", [](Api api, Request r) { return api.list(r); });
  add("DELETE", "/ui/conversations", [](Api api, Request) { return api.remove_all(); });
  add("GET", "/ui/conversations/{id}", [](Api api, Request r) { return api.get(r); });
  add("PUT", "/ui/conversations/{id}", [](Api api, Request r) { return api.put(r); });
  add("DELETE", "/ui/conversations/{id}", [](Api api, Request r) { return api.remove(r); });
  const char* message = "/ui/conversations/{id}/messages/{message}";
  add("PUT", message, [](Api api, Request r) { return api.put_message(r); });
  add("DELETE", message, [](Api api, Request r) { return api.remove_message(r); });
  const char* feedback = "/ui/conversations/{id}/messages/{message}/feedback";
  add("PUT", feedback, [](Api api, Request r) { return api.put_feedback(r); });
  add("DELETE", feedback, [](Api api, Request r) { return api.remove_feedback(r); });
  add("GET", "/ui/feedback.jsonl", [](Api api, Request r) { return export_feedback(api.store, r); });
}

}  // namespace dure
