#pragma once

#include "server/http/http.h"
#include "server/store/conversation_store.h"
#include "server/ui/fields.h"

namespace dure {

/// Requests of /ui/conversations as calls of the store; {id} and {message} are parameters of the route. Throw HttpError
/// for what web/API.md refuses, Error for what the store cannot do.
struct ConversationApi {
  ConversationStore& store;
  const UiLimits& limits;

  HttpResponse list(const HttpRequest& request) const;
  HttpResponse remove_all() const;
  HttpResponse get(const HttpRequest& request) const;
  HttpResponse put(const HttpRequest& request) const;
  HttpResponse remove(const HttpRequest& request) const;
  HttpResponse put_message(const HttpRequest& request) const;
  HttpResponse remove_message(const HttpRequest& request) const;
  HttpResponse put_feedback(const HttpRequest& request) const;
  HttpResponse remove_feedback(const HttpRequest& request) const;
};

}  // namespace dure
