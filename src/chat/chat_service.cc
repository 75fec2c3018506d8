#include "chat/chat_service.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>

#include "base/error.h"
#include "chat/engine_thread.h"
#include "chat/measures.h"
#include "chat/prepare.h"
#include "chat/tool_call_memory.h"
#include "engine/block_key.h"

namespace dure {
namespace {

using Clock = std::chrono::steady_clock;

double seconds(Clock::duration d) { return std::chrono::duration<double>(d).count(); }

/// Between the engine's callbacks and the sink: one request with all its answers. Lives on the engine's thread once it
/// is submitted.
class Answering {
 public:
  Answering(const LoadedModel& model, const RequestPreparer& preparer, const PreparedRequest& prepared, int n,
            std::shared_ptr<AnswerSink> sink, std::shared_ptr<std::atomic<int>> places)
      : preparer_(preparer), sink_(std::move(sink)), places_(std::move(places)), left_(n) {
    usage_.prompt_tokens = static_cast<int>(prepared.prompt.size());
    for (int i = 0; i < n; ++i) choices_.emplace_back(model.tokenizer(), prepared.rules);
  }
  ~Answering() {
    if (left_ > 0) failed(std::make_exception_ptr(Error("the model was unloaded before the answer was whole")));
    leave();
  }
  Answering(const Answering&) = delete;

  void started(int cached) {
    begun_ = Clock::now();
    usage_.cached_tokens = cached;
    sink_->started(usage_.prompt_tokens, cached);
  }
  void progress(int done, int total) { sink_->progress(done, total); }

  /// False once a stop string was found.
  bool token(int choice, const Sampled& sampled) {
    if (usage_.completion_tokens++ == 0) first_ = Clock::now();
    AnswerBuilder& builder = choices_[static_cast<size_t>(choice)].builder;
    show(choice, builder.push(sampled));
    return !builder.stopped();
  }

  void finished(int choice, FinishReason reason) {
    if (failed_) return;
    Choice& c = choices_[static_cast<size_t>(choice)];
    show(choice, c.builder.finish());
    if (!c.call_ids.empty()) preparer_.remember_calls(c.call_ids, c.builder.calls_text());
    usage_.reasoning_tokens += c.builder.reasoning_tokens();
    AnswerEnd end{reason, c.builder.stopped_by(), c.builder.called_tools()};
    if (c.builder.stopped()) end.reason = FinishReason::stop;
    sink_->finished(choice, std::move(end));
    if (--left_ > 0) return;
    const Clock::time_point now = Clock::now();
    const Clock::time_point begun = begun_.value_or(now), first = first_.value_or(now);
    usage_.queue_seconds = seconds(begun - submitted_);
    usage_.prefill_seconds = seconds(first - begun);
    usage_.decode_seconds = seconds(now - first);
    leave();
    sink_->done(usage_);
  }

  void failed(std::exception_ptr error) {
    if (failed_) return;
    failed_ = true;
    leave();
    sink_->failed(std::move(error));
  }

 private:
  struct Choice {
    Choice(const Tokenizer& tokenizer, const AnswerRules& rules) : builder(tokenizer, rules) {}
    AnswerBuilder builder;
    std::vector<std::string> call_ids;
    int told = 0;  // tokens that the sink knows of
  };

  /// Makes room for the next request, before the client hears that this one is done.
  void leave() {
    if (places_ != nullptr) --*places_;
    places_ = nullptr;
  }

  void show(int choice, AnswerPiece piece) {
    for (const AnswerDelta& d : piece.deltas)
      if (d.kind == AnswerDelta::Kind::call_begin) {
        piece.call_ids.push_back(new_call_id());
        choices_[static_cast<size_t>(choice)].call_ids.push_back(piece.call_ids.back());
      }
    if (piece.deltas.empty() && piece.tokens.empty()) return;
    Choice& c = choices_[static_cast<size_t>(choice)];
    piece.sampled = c.builder.tokens() - std::exchange(c.told, c.builder.tokens());
    sink_->piece(choice, std::move(piece));
  }

  const RequestPreparer& preparer_;
  std::shared_ptr<AnswerSink> sink_;
  std::shared_ptr<std::atomic<int>> places_;
  std::vector<Choice> choices_;
  AnswerUsage usage_;
  int left_;
  bool failed_ = false;
  Clock::time_point submitted_ = Clock::now();
  std::optional<Clock::time_point> begun_, first_;
};

}  // namespace

struct Ticket::State {
  std::weak_ptr<EngineThread> thread;
  SeqId id = 0;  // of the engine's thread alone; 0: not there yet, or gone
  std::atomic<bool> cancelled = false;
};

void Ticket::cancel() {
  if (state_ == nullptr || state_->cancelled.exchange(true)) return;
  const std::shared_ptr<EngineThread> thread = state_->thread.lock();
  if (thread == nullptr) return;
  thread->post([state = state_](Engine& engine) {
    if (state->id != 0) engine.cancel(state->id);
  });
}

namespace {

/// Beside the cache of prompts, which is of no use to an agent without its calls.
std::filesystem::path tool_file(const ServiceOptions& options, const LoadedModel& model) {
  const std::filesystem::path& folder = options.engine.cache_dir;
  if (folder.empty()) return {};
  return folder / fmt::format("tool-calls-{}.json", root_key(model.fingerprint(), -1).hex());
}

}  // namespace

struct ChatService::Impl {
  explicit Impl(const ServiceOptions& options)
      : model(options.model),
        preparer(model, options.tool_memory, tool_file(options, model)),
        places(std::make_shared<std::atomic<int>>(0)) {
    EngineOptions e = options.engine;
    e.fingerprint = model.fingerprint();
    e.max_model_len = e.max_model_len > 0 ? std::min(e.max_model_len, model.info().max_position_embeddings)
                                          : model.affordable_context(e.cache_dtype);
    if (e.cache_bytes <= 0) e.cache_bytes = model.affordable_cache(e.cache_dtype, e.max_model_len, e.max_num_seqs);
    auto engine = std::make_unique<Engine>(model.model(), model.device(), e);
    max_model_len = engine->max_model_len();
    most = e.max_num_seqs + e.max_num_waiting;
    thread = std::make_shared<EngineThread>(std::move(engine));
  }

  ~Impl() { thread->stop(); }  // a ticket may hold on to it for a moment

  int adapter(const std::string& name) const {
    if (name.empty()) return -1;
    const std::vector<AdapterSwitch>& all = model.model().adapters();
    const auto it = std::ranges::find(all, name, &AdapterSwitch::name);
    if (it == all.end()) throw RequestError("there is no adapter " + quote(name), "model", "model_not_found");
    return static_cast<int>(it - all.begin());
  }

  void check_length(const std::vector<int>& ids, const char* field) const {
    const size_t length = ids.size();
    if (length == 0) throw RequestError("there is no token in it", field);
    if (length >= static_cast<size_t>(max_model_len))
      throw RequestError(fmt::format("the prompt has {} tokens, the context of this model holds {} with the answer",
                                     length, max_model_len),
                         field, "context_length_exceeded");
    for (const int id : ids)
      if (id < 0 || id >= model.info().vocab_size)
        throw RequestError(fmt::format("token id {}: the vocabulary has {} entries", id, model.info().vocab_size),
                           field);
  }

  LoadedModel model;
  RequestPreparer preparer;
  int max_model_len = 0, most = 0;
  std::shared_ptr<std::atomic<int>> places;  // requests that are not done
  std::shared_ptr<EngineThread> thread;
};

ChatService::ChatService(const ServiceOptions& options) : impl_(std::make_unique<Impl>(options)) {}

ChatService::~ChatService() {
  // The last to know it may be a sink that goes with its request: the engine's thread cannot wait for its own end.
  if (impl_->thread->is_this()) std::thread([impl = std::move(impl_)]() mutable { impl.reset(); }).detach();
}

void ChatService::stop() { impl_->thread->stop(); }

const LoadedModel& ChatService::model() const { return impl_->model; }
int ChatService::max_model_len() const { return impl_->max_model_len; }
EngineStats ChatService::stats() const { return impl_->thread->stats(); }

ChatService::Prompt ChatService::prompt(const ChatRequest& request) const {
  PreparedRequest p = impl_->preparer.prepare(request);
  return {std::move(p.prompt), std::move(p.prompt_text)};
}

Ticket ChatService::submit(ChatRequest request, std::shared_ptr<AnswerSink> sink) {
  PreparedRequest prepared = impl_->preparer.prepare(request);
  impl_->check_length(prepared.prompt, std::holds_alternative<ChatPrompt>(request.prompt) ? "messages" : "prompt");
  // The queue is bounded here: waiting for the engine's thread to say so would take as long as a step.
  if (++*impl_->places > impl_->most) {
    --*impl_->places;
    throw QueueFull(fmt::format("{} requests are waiting or running already", impl_->most));
  }
  auto answering =
      std::make_shared<Answering>(impl_->model, impl_->preparer, prepared, request.n, std::move(sink), impl_->places);
  auto state = std::make_shared<Ticket::State>();
  state->thread = impl_->thread;

  auto r = std::make_shared<Request>();
  r->prompt = std::move(prepared.prompt);
  r->sampling = std::move(prepared.sampling);
  r->n = request.n;
  r->priority = request.priority;
  r->adapter = impl_->adapter(request.adapter);
  r->deadline = request.deadline;
  r->constraint = std::move(prepared.constraint);
  r->on_start = [answering](int cached) { answering->started(cached); };
  r->on_prefill = [answering](int done, int total) { answering->progress(done, total); };
  r->on_token = [answering](int choice, const Sampled& token) { return answering->token(choice, token); };
  r->on_finish = [answering, state](int choice, FinishReason reason) { answering->finished(choice, reason); };
  r->on_error = [answering](std::exception_ptr error) { answering->failed(std::move(error)); };

  impl_->thread->post([r, answering, state](Engine& engine) {
    if (state->cancelled) {
      for (int i = 0; i < r->n; ++i) answering->finished(i, FinishReason::cancelled);
      return;
    }
    try {
      state->id = engine.add(std::move(*r));
    } catch (...) {
      answering->failed(std::current_exception());
    }
  });
  return Ticket(std::move(state));
}

std::vector<float> ChatService::embed(const std::vector<int>& ids) {
  impl_->check_length(ids, "input");
  return impl_->thread->ask([&](Engine&) { return embed_text(impl_->model, ids); });
}

std::vector<double> ChatService::rerank(const std::string& query, const std::vector<std::string>& documents) {
  std::vector<double> scores;
  for (const std::string& document : documents) {
    const std::vector<int> ids = relevance_prompt(impl_->model, query, document);
    impl_->check_length(ids, "documents");
    scores.push_back(impl_->thread->ask([&](Engine&) { return yes_probability(impl_->model, ids); }));
  }
  return scores;
}

std::vector<Sampled> ChatService::score(const std::vector<int>& ids, int top) {
  impl_->check_length(ids, "prompt");
  return impl_->thread->ask([&](Engine&) { return score_text(impl_->model, ids, top); });
}

}  // namespace dure
