#include <algorithm>
#include <mutex>

#include "base/error.h"
#include "server/api/completion_request.h"
#include "server/api/endpoints.h"
#include "server/api/openai_answer.h"
#include "server/api/server_context.h"
#include "server/http/event_stream.h"

namespace dure {
namespace {

/// {tokens, token_logprobs, top_logprobs, text_offset}, the form of before chat. Offsets are in characters.
struct LegacyLogprobs {
  Json tokens = Json::array(), logprobs = Json::array(), top = Json::array(), offsets = Json::array();
  size_t offset = 0;

  void add(const std::string& text, Json logprob, Json likeliest) {
    tokens.push_back(text);
    logprobs.push_back(std::move(logprob));
    top.push_back(std::move(likeliest));
    offsets.push_back(offset);
    offset += static_cast<size_t>(std::ranges::count_if(text, [](char c) { return (c & 0xC0) != 0x80; }));
  }
  void add(const std::vector<TokenDetail>& details) {
    for (const TokenDetail& d : details) {
      Json likeliest = Json::object();
      for (const TokenText& t : d.top) likeliest[t.text] = t.logprob;
      add(d.token.text, d.token.logprob, std::move(likeliest));
    }
  }
  Json json() const {
    return {{"tokens", tokens}, {"token_logprobs", logprobs}, {"top_logprobs", top}, {"text_offset", offsets}};
  }
};

/// A prompt as it stands before its answer.
struct Echo {
  std::string text;
  LegacyLogprobs logprobs;
};

/// All prompts of a request together; each is one request of the model.
class Completions {
 public:
  Completions(std::shared_ptr<Exchange> exchange, const CompletionRequest& r, const std::string& model)
      : exchange_(std::move(exchange)),
        stream_(exchange_),
        form_(r.form),
        model_(model),
        n_(r.n),
        left_(static_cast<int>(r.prompts.size())),
        choices_(r.prompts.size() * static_cast<size_t>(n_)) {}

  /// What stands before the answers to a prompt. REQUIRES: it is not submitted yet.
  void echo(int prompt, const std::string& text, const LegacyLogprobs& logprobs) {
    for (int i = 0; i < n_; ++i) {
      choices_[place(prompt, i)].text = text;
      choices_[place(prompt, i)].logprobs = logprobs;
    }
  }

  /// All prompts are accepted: a stream's status may go out. See ApiSink.
  void begin() {
    const std::lock_guard lock(mutex_);
    if (!form_.stream) return exchange_->keep_waiting(kWholeSilence);
    stream_.start();
  }

  void piece(int prompt, int index, const AnswerPiece& piece) {
    const std::lock_guard lock(mutex_);
    Choice& c = choices_[place(prompt, index)];
    for (const AnswerDelta& d : piece.deltas) c.text += d.text;
    c.logprobs.add(piece.tokens);
    if (form_.stream) show(place(prompt, index), nullptr);
  }

  void finished(int prompt, int index, const AnswerEnd& end) {
    const std::lock_guard lock(mutex_);
    Choice& c = choices_[place(prompt, index)];
    c.reason = openai_finish_reason(end);
    if (form_.stream) show(place(prompt, index), c.reason);
  }

  void done(const AnswerUsage& usage) {
    const std::lock_guard lock(mutex_);
    usage_.prompt_tokens += usage.prompt_tokens;
    usage_.cached_tokens += usage.cached_tokens;
    usage_.completion_tokens += usage.completion_tokens;
    usage_.prefill_seconds += usage.prefill_seconds;
    usage_.decode_seconds += usage.decode_seconds;
    if (--left_ > 0 || failed_) return;
    if (!form_.stream) {
      Json body = head();
      for (size_t i = 0; i < choices_.size(); ++i) body["choices"].push_back(choice_json(i, choices_[i].reason));
      body["usage"] = openai_usage(usage_);
      body["timings"] = answer_timings(usage_);
      return exchange_->send(json_response(200, body));
    }
    if (form_.usage) {
      Json body = head();
      body["usage"] = openai_usage(usage_);
      stream_.event(dump_json(body));
    }
    stream_.done();
  }

  void failed(const std::exception_ptr& error) {
    const std::lock_guard lock(mutex_);
    if (std::exchange(failed_, true)) return;
    if (!stream_.started()) return exchange_->send_error(error);
    stream_.event(exchange_->error_response(to_http_error(error, exchange_->request().id)).body);
    stream_.end();
  }

 private:
  struct Choice {
    std::string text;         // of a stream: what was not sent yet
    LegacyLogprobs logprobs;  // likewise
    const char* reason = nullptr;
  };

  size_t place(int prompt, int index) const { return static_cast<size_t>(prompt * n_ + index); }
  Json head() const {
    return {{"id", id_},
            {"object", "text_completion"},
            {"created", created_},
            {"model", model_},
            {"choices", Json::array()}};
  }
  Json choice_json(size_t index, const char* reason) const {
    const Choice& c = choices_[index];
    return {{"text", c.text},
            {"index", index},
            {"logprobs", form_.logprobs ? c.logprobs.json() : Json()},
            {"finish_reason", reason == nullptr ? Json() : Json(reason)}};
  }
  void show(size_t index, const char* reason) {
    Choice& c = choices_[index];
    if (failed_ || (reason == nullptr && c.text.empty() && c.logprobs.tokens.empty())) return;
    Json body = head();
    body["choices"].push_back(choice_json(index, reason));
    stream_.event(dump_json(body));
    c.text.clear();
    c.logprobs = {.offset = c.logprobs.offset};
  }

  std::mutex mutex_;
  std::shared_ptr<Exchange> exchange_;
  SseStream stream_;
  AnswerForm form_;
  std::string model_, id_ = make_id("cmpl-");
  int64_t created_ = unix_seconds();
  int n_, left_;
  bool failed_ = false;
  std::vector<Choice> choices_;
  AnswerUsage usage_;
};

/// The part of it that belongs to one prompt.
class OnePrompt : public ApiSink {
 public:
  OnePrompt(std::shared_ptr<Completions> all, int prompt, std::shared_ptr<Exchange> exchange, ModelLease lease)
      : ApiSink(std::move(exchange), std::move(lease)), all_(std::move(all)), prompt_(prompt) {}
  void piece(int choice, AnswerPiece piece) override { all_->piece(prompt_, choice, piece); }
  void finished(int choice, AnswerEnd end) override { all_->finished(prompt_, choice, end); }
  void done(const AnswerUsage& usage) override { all_->done(usage); }
  void failed(std::exception_ptr error) override { all_->failed(error); }

 private:
  std::shared_ptr<Completions> all_;
  int prompt_;
};

/// The ids of a prompt and their log-probabilities go before its answer; returns how many they are.
int echo(Completions& all, int index, const ChatRequest& prompt, bool with_logprobs, ChatService& service) {
  const std::vector<int> ids = service.prompt(prompt).ids;
  const Tokenizer& tokenizer = service.model().tokenizer();
  const auto text_of = [&](int id) { return tokenizer.decode(std::vector<int>{id}); };
  const auto* text = std::get_if<TextPrompt>(&prompt.prompt);
  LegacyLogprobs logprobs;
  if (with_logprobs && !ids.empty()) {
    // As OpenAI has it: BOS is not part of the text, and nothing is said of the first token.
    const bool bos = text != nullptr && ids.front() == tokenizer.bos_id();
    if (!bos) logprobs.add(text_of(ids.front()), nullptr, nullptr);
    for (const Sampled& s : service.score(ids, *prompt.sampling.logprobs)) {
      Json top = Json::object();
      for (const TokenLogprob& t : s.top) top[text_of(t.id)] = t.logprob;
      const bool first = logprobs.tokens.empty();
      logprobs.add(text_of(s.id), first ? Json() : Json(s.logprob), first ? Json() : std::move(top));
    }
  }
  all.echo(index, text != nullptr ? text->text : tokenizer.decode(ids), logprobs);
  return static_cast<int>(ids.size());
}

void completion(ServerContext& context, const std::shared_ptr<Exchange>& exchange) {
  const CompletionRequest r = read_completion(parse_body(exchange->request()), context.limits);
  if (r.form.stream) SseStream::expect(*exchange);
  const ModelLease lease = acquire_model(context, r.form.model);
  const auto all = std::make_shared<Completions>(exchange, r, lease.id);
  const int count = static_cast<int>(r.prompts.size());
  std::vector<int> lengths;
  for (int i = 0; r.echo && i < count; ++i)
    lengths.push_back(echo(*all, i, r.prompts[static_cast<size_t>(i)], r.form.logprobs, *lease.service));
  AnswerEnd cut;
  cut.reason = FinishReason::length;
  for (int i = 0; r.nothing && i < count; ++i) {
    for (int k = 0; k < r.n; ++k) all->finished(i, k, cut);
    all->done({.prompt_tokens = lengths[static_cast<size_t>(i)]});
  }
  if (r.nothing) return;

  std::vector<Ticket> tickets;
  try {
    for (int i = 0; i < count; ++i)
      tickets.push_back(start_answer(context, lease, r.prompts[static_cast<size_t>(i)],
                                     std::make_shared<OnePrompt>(all, i, exchange, lease)));
  } catch (...) {
    for (Ticket& ticket : tickets) ticket.cancel();
    return all->failed(std::current_exception());
  }
  exchange->on_close([tickets]() mutable {
    for (Ticket& ticket : tickets) ticket.cancel();
  });
  all->begin();
}

}  // namespace

std::vector<Endpoint> openai_completion_endpoints() {
  return {{.method = "POST",
           .path = "/v1/completions",
           .group = "openai",
           .summary = "Text that goes on from a prompt, or fills a gap",
           .handle = completion,
           .fields = "prompt!:any model:string suffix:string echo:boolean max_tokens:integer n:integer "
                     "temperature:number top_p:number top_k:integer min_p:number repetition_penalty:number "
                     "presence_penalty:number frequency_penalty:number seed:integer stop:any logprobs:integer "
                     "logit_bias:object ignore_eos:boolean response_format:object grammar:string stream:boolean "
                     "stream_options:object"}};
}

}  // namespace dure
