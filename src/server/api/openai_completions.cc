#include <algorithm>

#include "base/error.h"
#include "server/api/openai_answer.h"
#include "server/api/routes.h"
#include "server/http/event_stream.h"

namespace dure {
namespace {

struct CompletionRequest {
  OpenAiRequest request;
  std::vector<ChatRequest> prompts;
  std::vector<std::string> texts;  // of the prompts, for echo
  bool echo = false;
};

std::vector<int> read_ids(const Json& list) {
  std::vector<int> ids;
  for (const Json& id : list) {
    if (!id.is_number_integer()) throw bad_request("prompt: expected text, token ids, or a list of them", "prompt");
    ids.push_back(id.get<int>());
  }
  return ids;
}

CompletionRequest read_completion(const Json& json, const ApiLimits& limits) {
  const RequestFields body(json);
  CompletionRequest out;
  read_common(body, limits, out.request);
  ChatRequest& chat = out.request.chat;
  if (!chat.sampling.max_tokens) chat.sampling.max_tokens = 16;  // as OpenAI has it
  if (const auto best = body.integer("best_of", 1, 1 << 20); best && *best > chat.n)
    body.refuse("best_of", "at most n");
  out.echo = body.boolean_or("echo", false);
  const auto logprobs = body.integer("logprobs", 0, 20);
  out.request.form.logprobs = logprobs.has_value();
  if (logprobs) chat.sampling.logprobs = static_cast<int>(*logprobs);
  chat.format = read_response_format(body);

  const Json* prompt = body.find("prompt");
  const auto suffix = body.string("suffix");
  const auto add_text = [&](const std::string& text) {
    chat.prompt = TextPrompt{text, suffix};
    out.prompts.push_back(chat);
    out.texts.push_back(text);
  };
  const auto add_ids = [&](const Json& list) {
    chat.prompt = read_ids(list);
    out.prompts.push_back(chat);
    out.texts.emplace_back();
  };
  if (prompt == nullptr) body.refuse("prompt", "text, token ids, or a list of them");
  if (prompt->is_string()) {
    add_text(prompt->get<std::string>());
  } else if (prompt->is_array() && !prompt->empty() && prompt->front().is_number()) {
    add_ids(*prompt);
  } else if (prompt->is_array() && !prompt->empty() && prompt->size() <= 64) {
    for (const Json& item : *prompt)
      if (item.is_string())
        add_text(item.get<std::string>());
      else if (item.is_array() && !item.empty())
        add_ids(item);
      else
        body.refuse("prompt", "text, token ids, or a list of them");
  } else {
    body.refuse("prompt", "text, token ids, or a list of up to 64 of them");
  }
  return out;
}

/// {tokens, token_logprobs, top_logprobs, text_offset}, the form of before chat.
struct LegacyLogprobs {
  Json tokens = Json::array(), logprobs = Json::array(), top = Json::array(), offsets = Json::array();
  size_t offset = 0;

  void add(const std::string& text, Json logprob, Json likeliest) {
    tokens.push_back(text);
    logprobs.push_back(std::move(logprob));
    top.push_back(std::move(likeliest));
    offsets.push_back(offset);
    offset += text.size();
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

/// All prompts of a request together; each is one request of the model.
class Completions : public std::enable_shared_from_this<Completions> {
 public:
  Completions(std::shared_ptr<Exchange> exchange, const CompletionRequest& r, const std::string& model)
      : exchange_(std::move(exchange)),
        stream_(exchange_),
        form_(r.request.form),
        model_(model),
        n_(r.request.chat.n),
        left_(static_cast<int>(r.prompts.size())),
        choices_(r.prompts.size() * static_cast<size_t>(n_)) {}

  void begin() {
    const std::lock_guard lock(mutex_);
    if (form_.stream) stream_.start();
  }

  /// Text before the answer, for echo.
  void echo(int prompt, const std::string& text, const LegacyLogprobs& logprobs) {
    for (int i = 0; i < n_; ++i) {
      Choice& c = choice(prompt, i);
      c.logprobs = logprobs;
      if (form_.stream)
        c.before = text;
      else
        c.text = text;
    }
  }

  void piece(int prompt, int index, const AnswerPiece& piece) {
    const std::lock_guard lock(mutex_);
    Choice& c = choice(prompt, index);
    std::string text = std::exchange(c.before, "");
    for (const AnswerDelta& d : piece.deltas) text += d.text;
    c.logprobs.add(piece.tokens);
    if (!form_.stream) {
      c.text += text;
      return;
    }
    if (text.empty() && piece.tokens.empty()) return;
    event(place(prompt, index), text, std::exchange(c.logprobs, LegacyLogprobs{.offset = c.logprobs.offset}), nullptr);
  }

  void finished(int prompt, int index, const AnswerEnd& end) {
    const std::lock_guard lock(mutex_);
    choice(prompt, index).end = end;
    if (form_.stream) event(place(prompt, index), "", {}, openai_finish_reason(end));
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
      for (size_t i = 0; i < choices_.size(); ++i)
        body["choices"].push_back({{"text", choices_[i].text},
                                   {"index", i},
                                   {"logprobs", form_.logprobs ? choices_[i].logprobs.json() : Json()},
                                   {"finish_reason", openai_finish_reason(choices_[i].end)}});
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
    std::string before, text;
    LegacyLogprobs logprobs;
    AnswerEnd end;
  };
  size_t place(int prompt, int index) const { return static_cast<size_t>(prompt * n_ + index); }
  Choice& choice(int prompt, int index) { return choices_[place(prompt, index)]; }
  Json head() const {
    return {{"id", id_},
            {"object", "text_completion"},
            {"created", created_},
            {"model", model_},
            {"choices", Json::array()}};
  }
  void event(size_t index, const std::string& text, const LegacyLogprobs& logprobs, const char* reason) {
    Json body = head();
    body["choices"].push_back({{"text", text},
                               {"index", index},
                               {"logprobs", form_.logprobs ? logprobs.json() : Json()},
                               {"finish_reason", reason == nullptr ? Json() : Json(reason)}});
    stream_.event(dump_json(body));
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
  void begin() override { all_->begin(); }
  void piece(int choice, AnswerPiece piece) override { all_->piece(prompt_, choice, piece); }
  void finished(int choice, AnswerEnd end) override { all_->finished(prompt_, choice, end); }
  void done(const AnswerUsage& usage) override { all_->done(usage); }
  void failed(std::exception_ptr error) override { all_->failed(error); }

 private:
  std::shared_ptr<Completions> all_;
  int prompt_;
};

void echo(Completions& all, int index, const CompletionRequest& r, ChatService& service) {
  const ChatRequest& prompt = r.prompts[static_cast<size_t>(index)];
  const std::vector<int> ids = service.prompt(prompt).ids;
  const Tokenizer& tokenizer = service.model().tokenizer();
  LegacyLogprobs logprobs;
  std::string text = r.texts[static_cast<size_t>(index)];
  if (text.empty()) text = tokenizer.decode(ids);
  if (r.request.form.logprobs) {
    std::vector<int> first(ids.begin(), ids.begin() + 1);
    logprobs.add(tokenizer.decode(first), nullptr, nullptr);
    for (const Sampled& s : service.score(ids, *prompt.sampling.logprobs)) {
      Json top = Json::object();
      for (const TokenLogprob& t : s.top) top[tokenizer.decode(std::vector<int>{t.id})] = t.logprob;
      logprobs.add(tokenizer.decode(std::vector<int>{s.id}), s.logprob, std::move(top));
    }
  }
  all.echo(index, text, logprobs);
}

void completion(ServerContext& context, const std::shared_ptr<Exchange>& exchange) {
  const CompletionRequest r = read_completion(parse_body(exchange->request()), context.limits);
  const ModelLease lease = context.models.acquire(r.request.form.model);
  const auto all = std::make_shared<Completions>(exchange, r, lease.id);
  for (size_t i = 0; r.echo && i < r.prompts.size(); ++i) echo(*all, static_cast<int>(i), r, *lease.service);
  std::vector<std::shared_ptr<ApiSink>> sinks;
  for (size_t i = 0; i < r.prompts.size(); ++i)
    submit_answer(context, lease, r.prompts[i], exchange,
                  std::make_shared<OnePrompt>(all, static_cast<int>(i), exchange, lease));
}

}  // namespace

void add_openai_completion_routes(Router& router, ServerContext& context) {
  for (const char* path : {"/v1/completions", "/completions", "/beta/completions"})
    router.add("POST", path, [&](const std::shared_ptr<Exchange>& x) { completion(context, x); });
}

}  // namespace dure
