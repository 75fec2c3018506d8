#pragma once

#include <functional>
#include <memory>

#include "server/api/openai_request.h"
#include "server/api/responses_store.h"
#include "server/http/router.h"
#include "server/model_pool.h"
#include "server/server_stats.h"

namespace dure {

/// Less than the minute after which proxies give up; errors that come later can only cut the connection.
constexpr std::chrono::seconds kWholeSilence{30};

/// What handlers need. Lives as long as the server.
struct ServerContext {
  ModelPool& models;
  ServerStats& stats;
  ApiLimits limits = {};
  ResponsesStore responses{};
};

/// An answer on its way to a client: what all protocols share. Subclasses write; calls come one at a time, but for
/// begin().
class ApiSink : public AnswerSink {
 public:
  ApiSink(std::shared_ptr<Exchange> exchange, ModelLease lease)
      : exchange_(std::move(exchange)), lease_(std::move(lease)) {}

  /// The request is accepted: a stream's status may go out. Whole answers have their clients wait.
  virtual void begin() { exchange_->keep_waiting(kWholeSilence); }

 protected:
  std::shared_ptr<Exchange> exchange_;
  ModelLease lease_;  // keeps the model loaded
};

/// The model of a request, loaded if it must. Throws HttpError: 404 for an unknown one; ModelLoading, which has the
/// route call its handler again.
ModelLease acquire_model(ServerContext& context, const std::string& name);
/// Throws what went wrong when a model was loaded: an Error becomes HttpError 500.
[[noreturn]] void fail_to_load(const std::exception_ptr& error);

/// Hands a request to its model and cancels it when the client leaves. Throws HttpError.
void submit_answer(ServerContext& context, const ModelLease& lease, ChatRequest request,
                   const std::shared_ptr<Exchange>& exchange, const std::shared_ptr<ApiSink>& sink);
/// The same for one of several requests, which the caller begins and cancels together.
Ticket start_answer(ServerContext& context, const ModelLease& lease, ChatRequest request,
                    const std::shared_ptr<ApiSink>& sink);

/// A random id: "chatcmpl-" and 24 characters.
std::string make_id(std::string_view prefix);
int64_t unix_seconds();

}  // namespace dure
