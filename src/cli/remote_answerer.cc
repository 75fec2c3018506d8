#include "cli/remote_answerer.h"

#include <algorithm>
#include <chrono>
#include <limits>

#include "base/error.h"
#include "base/json.h"

namespace dure {
namespace {

using Clock = std::chrono::steady_clock;

const Json kNothing = Json::object();

const Json& object_of(const Json& json, const char* name) {
  const auto it = json.find(name);
  return it == json.end() || !it->is_object() ? kNothing : *it;
}

double number_of(const Json& json, const char* name) {
  const auto it = json.find(name);
  return it == json.end() || !it->is_number() ? 0 : it->get<double>();
}

int count_of(const Json& json, const char* name) {
  return static_cast<int>(std::clamp(number_of(json, name), 0.0, 1e9));
}

std::string text_of(const Json& json, const char* name) {
  const auto it = json.find(name);
  return it == json.end() || !it->is_string() ? "" : it->get<std::string>();
}

/// Takes the chunks of one answer. Servers that tell no times are timed here.
class ChunkReader {
 public:
  explicit ChunkReader(const AnswerWatch& watch) : watch_(watch) {}

  void take(const Json& chunk) {
    if (!chunk.is_object()) return;
    if (const Json& p = object_of(chunk, "prompt_progress"); !p.empty())
      watch_.on_prefill(count_of(p, "processed"), count_of(p, "total"));
    const auto choices = chunk.find("choices");
    if (choices != chunk.end() && choices->is_array())
      for (const Json& choice : *choices)
        if (choice.is_object()) take_choice(choice);
    if (const Json& usage = object_of(chunk, "usage"); !usage.empty()) take_usage(usage);
    if (const Json& timings = object_of(chunk, "timings"); !timings.empty()) {
      timed_ = true;
      result_.prefill_seconds = number_of(timings, "prompt_ms") / 1e3;
      result_.decode_seconds = number_of(timings, "predicted_ms") / 1e3;
    }
  }

  GenerationResult finish(bool stopped) {
    if (stopped) result_.reason = FinishReason::cancelled;
    if (result_.completion_tokens == 0) result_.completion_tokens = parts_;
    const Clock::time_point now = Clock::now();
    if (!timed_) {
      result_.prefill_seconds = seconds(parts_ > 0 ? first_ : now, start_);
      result_.decode_seconds = parts_ > 0 ? seconds(now, first_) : 0;
    }
    return result_;
  }

 private:
  static double seconds(Clock::time_point end, Clock::time_point begin) {
    return std::chrono::duration<double>(end - begin).count();
  }

  void take_choice(const Json& choice) {
    const Json& delta = object_of(choice, "delta");
    // DeepSeek's name, and that of vLLM and OpenRouter.
    std::string thoughts = text_of(delta, "reasoning_content");
    if (thoughts.empty()) thoughts = text_of(delta, "reasoning");
    show(AnswerDelta::Kind::reasoning, std::move(thoughts));
    show(AnswerDelta::Kind::content, text_of(delta, "content"));
    if (text_of(choice, "finish_reason") == "length") result_.reason = FinishReason::length;
  }

  void take_usage(const Json& usage) {
    result_.prompt_tokens = count_of(usage, "prompt_tokens");
    result_.completion_tokens = count_of(usage, "completion_tokens");
    result_.cached_tokens = count_of(object_of(usage, "prompt_tokens_details"), "cached_tokens");
  }

  void show(AnswerDelta::Kind kind, std::string text) {
    if (text.empty()) return;
    if (parts_++ == 0) first_ = Clock::now();
    watch_.on_delta({kind, 0, std::move(text)}, parts_);  // mostly a token each
  }

  const AnswerWatch& watch_;
  GenerationResult result_;
  int parts_ = 0;
  bool timed_ = false;
  Clock::time_point start_ = Clock::now(), first_;
};

std::string list_text(const std::vector<ServedModel>& models) {
  constexpr size_t kMost = 20;
  std::string text;
  for (size_t i = 0; i < std::min(models.size(), kMost); ++i)
    text.append(text.empty() ? "" : ", ").append(quote(models[i].id, 200));
  if (models.size() > kMost) text += fmt::format(" and {} more", models.size() - kMost);
  return text;
}

}  // namespace

RemoteAnswerer::RemoteAnswerer(ServerClient::Options server, const std::string& model)
    : client_(std::move(server), [this] { return stopped_ && stopped_(); }) {
  const std::vector<ServedModel> models = client_.models();
  require(!models.empty() || !model.empty(), "{}: the server lists no model; name one", client_.url());
  const auto found = std::ranges::find_if(models, [&](const ServedModel& m) {
    return model.empty() || m.id == model || std::ranges::find(m.aliases, model) != m.aliases.end();
  });
  require(models.empty() || found != models.end(), "{}: there is no model {}; there is {}", client_.url(),
          quote(model, 200), list_text(models));
  model_ = models.empty() ? model : found->id;
  if (models.empty()) return;
  context_ = found->context;
  tells_progress_ = found->owner == "dure" || found->owner == "llamacpp";  // others may refuse what they do not know
}

int RemoteAnswerer::vocab_size() const { return std::numeric_limits<int>::max(); }

Json RemoteAnswerer::request(const Conversation& conversation, const Settings& settings) const {
  Json request = {{"model", model_},
                  {"messages", conversation.messages()},
                  {"stream", true},
                  {"stream_options", {{"include_usage", true}}}};
  if (tells_progress_) request["return_progress"] = true;
  request.update(settings_json(settings));
  if (settings.thinking) {
    request["thinking"] = {{"type", *settings.thinking ? "enabled" : "disabled"}};  // DeepSeek's way
    request["chat_template_kwargs"] = thinking_flags(settings.thinking);            // vLLM's and llama.cpp's
  }
  return request;
}

GenerationResult RemoteAnswerer::answer(const Conversation& conversation, const Settings& settings,
                                        const AnswerWatch& watch) {
  ChunkReader reader(watch);
  stopped_ = watch.stopped;
  bool stopped = false;
  try {
    client_.stream_chat(request(conversation, settings), [&](const Json& chunk) { reader.take(chunk); });
  } catch (const HttpStopped&) {  // the connection is closed, which ends the answer there
    stopped = true;
  } catch (...) {
    stopped_ = nullptr;
    throw;
  }
  stopped_ = nullptr;
  return reader.finish(stopped);
}

}  // namespace dure
