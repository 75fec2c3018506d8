#include "server/api/server_context.h"

#include <chrono>
#include <random>

#include "base/error.h"

namespace dure {

std::string make_id(std::string_view prefix) {
  constexpr std::string_view kLetters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  std::random_device system;
  std::uniform_int_distribution<size_t> letter(0, kLetters.size() - 1);
  std::string id(prefix);
  for (int i = 0; i < 24; ++i) id += kLetters[letter(system)];
  return id;
}

int64_t unix_seconds() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

namespace {

HttpError overloaded(const QueueFull& e) {
  // Clients that try again at once would make it worse.
  return {503, "server_error", "overloaded", e.what(), "", {{"retry-after", "5"}, {"x-should-retry", "false"}}};
}

/// What goes wrong once a request was accepted is no fault of its sender, unless it says so.
std::exception_ptr blame_the_server(std::exception_ptr error) {
  try {
    std::rethrow_exception(error);
  } catch (const RequestError&) {
  } catch (const QueueFull& e) {
    return std::make_exception_ptr(overloaded(e));
  } catch (const Error& e) {
    return std::make_exception_ptr(HttpError(500, "server_error", "engine_failed", e.what()));
  } catch (...) {}
  return error;
}

/// Tells the server's statistics what a sink hears.
class Counted : public AnswerSink {
 public:
  Counted(std::shared_ptr<ApiSink> sink, ServerStats& stats) : sink_(std::move(sink)), stats_(stats) {}
  void started(int prompt, int cached) override { sink_->started(prompt, cached); }
  void progress(int done, int total) override { sink_->progress(done, total); }
  void piece(int choice, AnswerPiece piece) override { sink_->piece(choice, std::move(piece)); }
  void finished(int choice, AnswerEnd end) override {
    stats_.ended(end.reason);
    cancelled_ = end.reason == FinishReason::cancelled;
    sink_->finished(choice, std::move(end));
  }
  void done(const AnswerUsage& usage) override {
    stats_.finished(usage, cancelled_);
    sink_->done(usage);
  }
  void failed(std::exception_ptr error) override {
    stats_.failed();
    sink_->failed(blame_the_server(std::move(error)));
  }

 private:
  std::shared_ptr<ApiSink> sink_;
  ServerStats& stats_;
  bool cancelled_ = false;
};

}  // namespace

ModelLease acquire_model(ServerContext& context, const std::string& name) {
  // Waiting would keep a thread that others need.
  if (!context.models.ready())
    throw HttpError(503, "server_error", "loading", "the model is being loaded", "", {{"retry-after", "2"}});
  try {
    return context.models.acquire(name);
  } catch (const Error& e) {
    throw HttpError(500, "server_error", "model_failed", e.what());
  }
}

Ticket start_answer(ServerContext& context, const ModelLease& lease, ChatRequest request,
                    const std::shared_ptr<ApiSink>& sink) {
  request.adapter = lease.adapter;
  try {
    return lease.service->submit(std::move(request), std::make_shared<Counted>(sink, context.stats));
  } catch (const QueueFull& e) {
    throw overloaded(e);
  }
}

void submit_answer(ServerContext& context, const ModelLease& lease, ChatRequest request,
                   const std::shared_ptr<Exchange>& exchange, const std::shared_ptr<ApiSink>& sink) {
  Ticket ticket = start_answer(context, lease, std::move(request), sink);
  exchange->on_close([ticket]() mutable { ticket.cancel(); });
  sink->begin();
}

}  // namespace dure
