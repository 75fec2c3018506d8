#include "chat/loaded_model.h"

#include <algorithm>

#include "base/error.h"
#include "base/json.h"
#include "base/system.h"
#include "formats/model_tokenizer.h"
#include "nn/kv_cache.h"
#include "text/chat_template.h"
#include "text/encoding/encoding.h"
#include "text/tools/answer_parser.h"

namespace dure {
namespace {

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

/// Name, size and time of every file of a model or an adapter, so that a replaced file is another model.
void describe_files(std::string& out, const std::filesystem::path& path) {
  namespace fs = std::filesystem;
  std::vector<fs::path> files;
  if (fs::is_directory(path)) {
    for (const fs::directory_entry& e : fs::directory_iterator(path))
      if (e.is_regular_file()) files.push_back(e.path());
  } else {
    files.push_back(path);
  }
  std::ranges::sort(files);
  for (const fs::path& f : files)
    out += fmt::format("{} {} {}\n", f.filename().string(), fs::file_size(f),
                       fs::last_write_time(f).time_since_epoch().count());
}

std::string describe(const LoadedModelOptions& options, const Checkpoint& checkpoint, const Device& device) {
  std::string text =
      fmt::format("{}\n{}\ncompute {}\nin place {}\n", dump_json(checkpoint.config()), device.backend().name(),
                  static_cast<int>(options.device.compute), options.load.in_place);
  describe_files(text, options.path);
  for (const AdapterChoice& a : options.load.adapters) {
    text += fmt::format("adapter {}\n", a.scale);
    describe_files(text, a.folder);
  }
  return text;
}

}  // namespace

std::unique_ptr<PromptRenderer> make_renderer(const TokenizerSpec& spec, const std::string& model_type,
                                              std::string* source) {
  const NamedTemplate* chosen = nullptr;
  for (const NamedTemplate& t : spec.chat_templates)
    if (chosen == nullptr || t.name == "default") chosen = &t;
  // V3.2 and later ship a program instead of a template; model_type says which.
  constexpr std::pair<std::string_view, std::string_view> kEncodings[] = {
      {"deepseek_v32", "deepseek-v3.2"}, {"deepseek_v4", "deepseek-v4"}, {"deepseek_v41", "deepseek-v4.1"}};
  for (const auto& [type, encoding] : kEncodings)
    if (chosen == nullptr && model_type == type) {
      if (source != nullptr) *source = encoding;
      return make_encoding(encoding);
    }
  if (chosen == nullptr) return nullptr;
  if (source != nullptr) *source = chosen->text;
  return std::make_unique<ChatTemplate>(chosen->text, spec.source);
}

LoadedModel::LoadedModel(const LoadedModelOptions& options)
    : device_(make_device(options.device)), checkpoint_(open_checkpoint(options.path, *device_)) {
  // The tokenizer first: if it is missing, say so before reading gigabytes.
  TokenizerSpec spec = read_model_tokenizer(options.path);
  renderer_ = make_renderer(spec, Fields(checkpoint_->config(), checkpoint_->source()).string_or("model_type", ""),
                            &template_source_);
  tokenizer_ = std::make_unique<Tokenizer>(std::move(spec));

  model_ = load_model(*checkpoint_, *device_, options.load);
  const int vocab = model_->info().vocab_size;
  // A larger model vocabulary is padding; a smaller one means that the two do not belong together.
  require(tokenizer_->spec().tokens.size() <= static_cast<size_t>(vocab),
          "{}: the tokenizer has {} tokens, the model's vocab_size is {}", checkpoint_->source(),
          tokenizer_->spec().tokens.size(), vocab);
  recommended_ = recommended_sampling(checkpoint_->generation(), *tokenizer_, vocab);
  fingerprint_ = describe(options, *checkpoint_, *device_);
}

RenderedPrompt LoadedModel::render(Json context, bool no_thinking, const BegunAnswer& begun) const {
  require(renderer_ != nullptr, "this model has no chat template");
  return render(*renderer_, std::move(context), no_thinking, begun);
}

RenderedPrompt LoadedModel::render(const PromptRenderer& renderer, Json context, bool no_thinking,
                                   const BegunAnswer& begun) const {
  // Templates trust the strings of control tokens: nobody else may give them.
  for (auto it = context.begin(); it != context.end();)
    it = it.key().ends_with("_token") ? context.erase(it) : std::next(it);
  for (const auto& [name, text] : tokenizer_->spec().special_tokens) context[name] = text;
  std::vector<Segment> segments = renderer.render_segments(context);
  RenderedPrompt prompt;
  // Judged by what the template wrote: a user may well ask about "<think>".
  const auto open = [&] {
    return !segments.empty() && segments.back().trusted &&
           answer_start(segments.back().text, no_tool_format()) == AnswerStart::reasoning;
  };
  const auto close = [&] { segments.push_back({"\n</think>\n\n", true}); };
  prompt.in_reasoning = open();
  if (prompt.in_reasoning && no_thinking && begun.reasoning.empty()) {
    close();
    prompt.in_reasoning = false;
  }
  if (!begun.reasoning.empty()) {
    if (!prompt.in_reasoning) segments.push_back({"<think>\n", true});
    segments.push_back({begun.reasoning, false});
    prompt.in_reasoning = true;
  }
  if (!begun.content.empty()) {
    if (prompt.in_reasoning) close();
    segments.push_back({begun.content, false});
    prompt.in_reasoning = false;
  }
  for (const Segment& s : segments) prompt.text += s.text;
  prompt.ids = encode(segments);
  if (!segments.empty() && segments.back().trusted) prompt.opening = segments.back().text;
  return prompt;
}

std::vector<int> LoadedModel::encode(const std::vector<Segment>& segments) const {
  std::vector<int> ids = tokenizer_->encode(segments);
  // Templates that leave BOS to the tokenizer, as a few do.
  const std::vector<int>& prefix = tokenizer_->spec().prefix;
  const bool has_prefix = ids.size() >= prefix.size() && std::equal(prefix.begin(), prefix.end(), ids.begin());
  if (!has_prefix) ids.insert(ids.begin(), prefix.begin(), prefix.end());
  return ids;
}

std::vector<int> LoadedModel::raw_prompt(std::string_view text) const {
  std::vector<int> ids = tokenizer_->encode(text);
  const std::vector<int>& prefix = tokenizer_->spec().prefix;
  ids.insert(ids.begin(), prefix.begin(), prefix.end());
  return ids;
}

int LoadedModel::affordable_context(DType cache_dtype) const {
  constexpr int64_t kLeast = KVCache::kBlockSize;
  return static_cast<int>(
      std::min<int64_t>(std::max(affordable_tokens(cache_dtype), kLeast), model_->info().max_position_embeddings));
}

int64_t LoadedModel::affordable_cache(DType cache_dtype, int max_model_len, int sequences) const {
  const int64_t one = (max_model_len + KVCache::kBlockSize - 1) / KVCache::kBlockSize * KVCache::kBlockSize;
  return std::clamp(affordable_tokens(cache_dtype), one, one * sequences) * bytes_per_token(cache_dtype);
}

int64_t LoadedModel::bytes_per_token(DType cache_dtype) const {
  return std::max<int64_t>(cache_bytes_per_token(model_->cache_planes(true), cache_dtype), 1);
}

/// Half of the free memory.
int64_t LoadedModel::affordable_tokens(DType cache_dtype) const {
  const int64_t left = memory_status().available;
  return left > 0 ? left / 2 / bytes_per_token(cache_dtype) : 4096;
}

}  // namespace dure
