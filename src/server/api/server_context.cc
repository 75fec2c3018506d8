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

HttpError waited_too_long() {
  return {503,       "server_error",
          "timeout", "the time for an answer was over before it could begin",
          "",        {{"retry-after", "30"}, {"x-should-retry", "false"}}};
}

/// Tells the server's statistics what a sink hears.
class Counted : public AnswerSink {
 public:
  Counted(std::shared_ptr<ApiSink> sink, ServerStats& stats) : sink_(std::move(sink)), stats_(stats) {}
  void started(int prompt, int cached) override {
    begun_ = true;
    sink_->started(prompt, cached);
  }
  void progress(int done, int total) override { sink_->progress(done, total); }
  void piece(int choice, AnswerPiece piece) override { sink_->piece(choice, std::move(piece)); }
  void finished(int choice, AnswerEnd end) override {
    if (!begun_ && end.reason == FinishReason::deadline) late_ = true;
    if (late_) return;
    stats_.ended(end.reason);
    cancelled_ = end.reason == FinishReason::cancelled;
    sink_->finished(choice, std::move(end));
  }
  void done(const AnswerUsage& usage) override {
    if (late_) return failed(std::make_exception_ptr(waited_too_long()));
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
  bool begun_ = false, late_ = false, cancelled_ = false;
};

}  // namespace

ModelLease acquire_model(ServerContext& context, const std::string& name) {
  try {
    return context.models.acquire(name, false);  // waiting would keep a thread that others need
  } catch (...) {
    fail_to_load(std::current_exception());
  }
}

void fail_to_load(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const Error& e) {
    throw HttpError(500, "server_error", "model_failed", e.what());
  }
}

Ticket start_answer(ServerContext& context, const ModelLease& lease, ChatRequest request,
                    const std::shared_ptr<ApiSink>& sink) {
  request.adapter = lease.adapter;
  if (context.limits.time.count() > 0) request.deadline = std::chrono::steady_clock::now() + context.limits.time;
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
