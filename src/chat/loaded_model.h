#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "backend/registry.h"
#include "base/json_fwd.h"
#include "models/model.h"
#include "sampling/params.h"
#include "text/prompt_renderer.h"
#include "text/tokenizer.h"
#include "text/tools/answer_parser.h"

namespace dure {

struct LoadedModelOptions {
  std::filesystem::path path;
  DeviceOptions device = {};
  LoadOptions load = {};  ///< with its progress
};

/// A prompt as the model reads it.
struct RenderedPrompt {
  std::vector<int> ids;
  std::string text;
  std::string opening;        ///< what the template itself wrote at the end: see answer_start()
  bool in_reasoning = false;  ///< it opens <think>, so that the answer starts with thoughts

  AnswerStart start(const ToolFormat& format) const {
    return in_reasoning ? AnswerStart::reasoning : answer_start(opening, format);
  }
};

/// An answer that is to go on. While there is no content, the thoughts are not over.
struct BegunAnswer {
  std::string reasoning = {}, content = {};
};

/// Weights, tokenizer and prompt format of one folder or GGUF file.
class LoadedModel {
 public:
  /// Throws Error naming the file if something is missing or broken.
  explicit LoadedModel(const LoadedModelOptions& options);

  Device& device() const { return *device_; }
  const Tokenizer& tokenizer() const { return *tokenizer_; }
  Model& model() const { return *model_; }
  const ModelInfo& info() const { return model_->info(); }
  /// Null if the model has no chat template: it continues text.
  const PromptRenderer* renderer() const { return renderer_.get(); }
  /// The chat template's text, or the name of the encoding that stands for it; empty if there is neither.
  const std::string& template_source() const { return template_source_; }
  /// What the model's publishers recommend, with its end tokens; temperature 0.6 and top_p 0.95 where they say nothing.
  const SamplingParams& recommended() const { return recommended_; }
  /// Everything about the model and its arithmetic that decides the bytes of a row in a KV cache, in one line: files by
  /// size and time, config, tokenizer, adapters, backend. Another cache dtype or mode is the engine's business.
  const std::string& fingerprint() const { return fingerprint_; }

  /// The prompt of a context of chat templates: `messages` and what else the template sees. What users wrote is never
  /// read as control tokens. `no_thinking`: where the template opens <think> all the same, it is closed again.
  /// `begun`: the answer so far, which follows. Throws Error if there is no template or it refuses the conversation.
  RenderedPrompt render(Json context, bool no_thinking = false, const BegunAnswer& begun = {}) const;
  /// The same, by another renderer than the model's own.
  RenderedPrompt render(const PromptRenderer& renderer, Json context, bool no_thinking, const BegunAnswer& begun) const;
  /// Segments to ids, after the tokenizer's BOS if it has one and the segments do not start with it.
  std::vector<int> encode(const std::vector<Segment>& segments) const;
  /// Text as it stands, after the tokenizer's BOS if it has one.
  std::vector<int> raw_prompt(std::string_view text) const;

  /// The longest context whose cache, for one sequence, takes at most half of the memory that is left now.
  int affordable_context(DType cache_dtype) const;
  /// Bytes of a cache for so many sequences of this length, as far as half of the memory that is left holds them; for
  /// one in any case.
  int64_t affordable_cache(DType cache_dtype, int max_model_len, int sequences) const;

 private:
  int64_t bytes_per_token(DType cache_dtype) const;
  int64_t affordable_tokens(DType cache_dtype) const;

  std::unique_ptr<Device> device_;
  std::unique_ptr<Checkpoint> checkpoint_;
  std::unique_ptr<Tokenizer> tokenizer_;
  std::unique_ptr<PromptRenderer> renderer_;
  std::unique_ptr<Model> model_;
  SamplingParams recommended_;
  std::string template_source_, fingerprint_;
};

/// The prompt format of a model: its chat template, or the encoding that its architecture is known to use; null if it
/// has neither. `model_type` as in config.json; may be empty. `source`, if asked for: see
/// LoadedModel::template_source().
std::unique_ptr<PromptRenderer> make_renderer(const TokenizerSpec& spec, const std::string& model_type,
                                              std::string* source = nullptr);

}  // namespace dure
