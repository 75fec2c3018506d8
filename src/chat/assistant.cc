#include "chat/assistant.h"

#include <algorithm>
#include <chrono>

#include "base/error.h"
#include "base/json.h"
#include "base/system.h"
#include "chat/reasoning.h"
#include "chat/text_stream.h"
#include "formats/model_tokenizer.h"
#include "text/chat_template.h"
#include "text/encoding/encoding.h"

namespace dure {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

SamplingParams recommended_sampling(const GenerationConfig& config, const Tokenizer& tokenizer, int vocab_size) {
  SamplingParams p;
  const bool greedy = config.do_sample.has_value() && !*config.do_sample;
  p.temperature = greedy ? 0 : static_cast<float>(config.temperature.value_or(0.6));
  p.top_p = static_cast<float>(config.top_p.value_or(0.95));
  p.top_k = config.top_k.value_or(0);
  p.min_p = static_cast<float>(config.min_p.value_or(0));
  p.repetition_penalty = static_cast<float>(config.repetition_penalty.value_or(1));
  p.eos_token_ids = config.eos_token_ids;
  if (tokenizer.eos_id() >= 0) p.eos_token_ids.push_back(tokenizer.eos_id());
  std::erase_if(p.eos_token_ids, [&](int id) { return id < 0 || id >= vocab_size; });
  return p;
}

/// The longest context whose cache takes at most half of the memory that is left.
int affordable_context(const Model& model, DType cache_dtype) {
  const int64_t per_token = cache_bytes_per_token(model.cache_planes(), cache_dtype);
  const int64_t left = memory_status().available;
  const int64_t tokens = left > 0 ? left / 2 / std::max<int64_t>(per_token, 1) : 4096;
  constexpr int64_t kLeast = KVCache::kBlockSize;
  return static_cast<int>(std::clamp<int64_t>(tokens, kLeast, model.info().max_position_embeddings));
}

}  // namespace

std::unique_ptr<PromptRenderer> make_renderer(const TokenizerSpec& spec, const std::string& model_type) {
  const NamedTemplate* chosen = nullptr;
  for (const NamedTemplate& t : spec.chat_templates)
    if (chosen == nullptr || t.name == "default") chosen = &t;
  // V3.2 and later ship a program instead of a template; model_type says which.
  constexpr std::pair<std::string_view, std::string_view> kEncodings[] = {
      {"deepseek_v32", "deepseek-v3.2"}, {"deepseek_v4", "deepseek-v4"}, {"deepseek_v41", "deepseek-v4.1"}};
  for (const auto& [type, encoding] : kEncodings)
    if (chosen == nullptr && model_type == type) return make_encoding(encoding);
  if (chosen == nullptr) return nullptr;
  return std::make_unique<ChatTemplate>(chosen->text, spec.source);
}

Assistant::Assistant(const std::filesystem::path& path, const AssistantOptions& options)
    : device_(make_device(options.device)), checkpoint_(open_checkpoint(path, *device_)) {
  // The tokenizer first: if it is missing, say so before reading gigabytes.
  TokenizerSpec spec = read_model_tokenizer(path);
  renderer_ = make_renderer(spec, Fields(checkpoint_->config(), checkpoint_->source()).string_or("model_type", ""));
  tokenizer_ = std::make_unique<Tokenizer>(std::move(spec));

  model_ = load_model(*checkpoint_, *device_, options.load);
  const int vocab = model_->info().vocab_size;
  // A larger model vocabulary is padding; a smaller one means that the two do not belong together.
  require(tokenizer_->spec().tokens.size() <= static_cast<size_t>(vocab),
          "{}: the tokenizer has {} tokens, the model's vocab_size is {}", checkpoint_->source(),
          tokenizer_->spec().tokens.size(), vocab);

  EngineOptions engine;
  engine.max_model_len = options.max_model_len > 0
                             ? std::min(options.max_model_len, model_->info().max_position_embeddings)
                             : affordable_context(*model_, options.cache_dtype);
  engine.cache_dtype = options.cache_dtype;
  engine.exact = options.exact;
  engine_ = std::make_unique<Engine>(*model_, *device_, engine);
  recommended_ = recommended_sampling(checkpoint_->generation(), *tokenizer_, vocab);
}

Assistant::Prompt Assistant::chat_prompt(const Json& messages, const Json& flags) const {
  require(renderer_ != nullptr, "this model has no chat template");
  Json context = flags.is_object() ? flags : Json::object();
  context["messages"] = messages;
  context["add_generation_prompt"] = true;
  for (const auto& [name, text] : tokenizer_->spec().special_tokens) context[name] = text;

  const std::vector<Segment> segments = renderer_->render_segments(context);
  Prompt prompt{};
  for (const Segment& s : segments) prompt.text += s.text;
  prompt.ids = tokenizer_->encode(segments);
  // Judged by what the template wrote: a user may well ask about "<think>".
  prompt.in_reasoning = !segments.empty() && segments.back().trusted && ends_in_reasoning(segments.back().text);
  // Templates that leave BOS to the tokenizer, as a few do.
  const std::vector<int>& prefix = tokenizer_->spec().prefix;
  const bool has_prefix =
      prompt.ids.size() >= prefix.size() && std::equal(prefix.begin(), prefix.end(), prompt.ids.begin());
  if (!has_prefix) prompt.ids.insert(prompt.ids.begin(), prefix.begin(), prefix.end());
  return prompt;
}

std::vector<int> Assistant::raw_prompt(std::string_view text) const {
  std::vector<int> ids = tokenizer_->encode(text);
  const std::vector<int>& prefix = tokenizer_->spec().prefix;
  ids.insert(ids.begin(), prefix.begin(), prefix.end());
  return ids;
}

GenerationResult Assistant::generate(std::vector<int> prompt, const Generation& generation) {
  GenerationResult result;
  result.prompt_tokens = static_cast<int>(prompt.size());
  TextStream stream(*tokenizer_, generation.stop);
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
  request.on_token = [&](const Sampled& token) {
    if (result.completion_tokens++ == 0) first_token = Clock::now();
    show(stream.push(token.id));
    return !stream.stopped() && !refused;
  };
  request.on_finish = [&](FinishReason reason) { result.reason = reason; };

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
