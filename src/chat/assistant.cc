#include "chat/assistant.h"

#include <algorithm>
#include <chrono>

#include "base/json.h"
#include "chat/text_stream.h"

namespace dure {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

}  // namespace

Assistant::Assistant(const std::filesystem::path& path, const AssistantOptions& options)
    : loaded_({path, options.device, options.load}) {
  EngineOptions engine;
  engine.max_model_len = options.max_model_len > 0
                             ? std::min(options.max_model_len, loaded_.info().max_position_embeddings)
                             : loaded_.affordable_context(options.cache_dtype);
  engine.cache_dtype = options.cache_dtype;
  engine.exact = options.exact;
  engine.speculation = options.speculation;
  engine_ = std::make_unique<Engine>(loaded_.model(), loaded_.device(), engine);
}

RenderedPrompt Assistant::chat_prompt(const Json& messages, const Json& flags) const {
  Json context = flags.is_object() ? flags : Json::object();
  context["messages"] = messages;
  context["add_generation_prompt"] = true;
  return loaded_.render(std::move(context));
}

GenerationResult Assistant::generate(std::vector<int> prompt, const Generation& generation) {
  GenerationResult result;
  result.prompt_tokens = static_cast<int>(prompt.size());
  TextStream stream(tokenizer(), generation.stop);
  if (generation.continues) stream.skip(prompt);
  const Clock::time_point start = Clock::now();
  Clock::time_point first_token = start;
  bool refused = false;

  const auto show = [&](const std::string& text) {
    if (!text.empty() && generation.on_text && !generation.on_text(text)) refused = true;
  };
  Request request;
  request.prompt = std::move(prompt);
  request.sampling = generation.sampling;
  request.on_start = [&](int cached) { result.cached_tokens = cached; };
  request.on_prefill = generation.on_prefill;
  request.on_token = [&](int, const Sampled& token) {
    if (result.completion_tokens++ == 0) first_token = Clock::now();
    show(stream.push(token.id));
    return !stream.stopped() && !refused;
  };
  std::exception_ptr error;
  request.on_error = [&](std::exception_ptr e) { error = std::move(e); };
  request.on_finish = [&](int, FinishReason reason) { result.reason = reason; };

  const SeqId id = engine_->add(std::move(request));
  try {
    for (bool more = true; more;) {
      more = engine_->step();
      if (generation.on_step && !generation.on_step(result.completion_tokens)) {
        refused = true;
        engine_->cancel(id);
        break;
      }
    }
  } catch (...) {
    engine_->cancel(id);  // it would go on with callbacks that are no more
    throw;
  }
  if (error) std::rethrow_exception(error);
  if (stream.stopped()) {
    result.reason = FinishReason::stop;
  } else if (!refused) {
    show(stream.finish());
  }
  const double total = seconds_since(start);
  result.prefill_seconds =
      result.completion_tokens > 0 ? std::chrono::duration<double>(first_token - start).count() : total;
  result.decode_seconds = total - result.prefill_seconds;
  return result;
}

}  // namespace dure
