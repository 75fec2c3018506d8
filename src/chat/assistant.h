#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "backend/registry.h"
#include "base/json_fwd.h"
#include "engine/engine.h"
#include "text/prompt_renderer.h"
#include "text/tokenizer.h"

namespace dure {

struct AssistantOptions {
  DeviceOptions device;
  LoadOptions load;       ///< with its progress
  int max_model_len = 0;  ///< 0: what the model was made for, as far as half of the free memory holds its cache
  DType cache_dtype = DType::BF16;
  bool exact = false;  ///< see EngineOptions
};

/// What to generate from a prompt.
struct Generation {
  SamplingParams sampling;
  bool continues = false;         ///< the answer continues the prompt's text, as after raw_prompt()
  std::vector<std::string> stop;  ///< stop strings
  std::function<bool(const std::string& text)> on_text;  ///< text as it is made; false ends the answer
  std::function<void(int done, int total)> on_prefill;   ///< tokens of the prompt read, and in all; may be empty
  std::function<bool(int tokens)> on_step;  ///< after each batch: tokens of the answer; false ends it; may be empty
};

struct GenerationResult {
  FinishReason reason = FinishReason::stop;  ///< a stop string counts as stop
  int prompt_tokens = 0, cached_tokens = 0, completion_tokens = 0;
  double prefill_seconds = 0, decode_seconds = 0;

  double prefill_rate() const { return prefill_seconds > 0 ? (prompt_tokens - cached_tokens) / prefill_seconds : 0; }
  /// The first token belongs to the prefill.
  double decode_rate() const { return decode_seconds > 0 ? (completion_tokens - 1) / decode_seconds : 0; }
};

/// A model ready to talk: weights, tokenizer, prompt format and engine, made from one folder or GGUF file.
class Assistant {
 public:
  /// Throws Error naming the file if something is missing or broken.
  Assistant(const std::filesystem::path& model, const AssistantOptions& options);

  const Tokenizer& tokenizer() const { return *tokenizer_; }
  const Model& model() const { return *model_; }
  const Engine& engine() const { return *engine_; }
  /// Null if the model has no chat template: it continues text.
  const PromptRenderer* renderer() const { return renderer_.get(); }
  /// What the model's publishers recommend, with its end tokens; temperature 0.6 and top_p 0.95 where they say nothing.
  const SamplingParams& recommended() const { return recommended_; }

  /// The prompt of a conversation. `messages` is an array of {"role", "content"}; `flags` an object whose fields the
  /// template sees too (enable_thinking, ...). What users wrote is never read as control tokens.
  /// Throws Error if there is no template or it refuses the conversation.
  struct Prompt {
    std::vector<int> ids;
    std::string text;
    bool in_reasoning;  ///< the prompt itself opens <think>, so that the answer starts with thoughts
  };
  Prompt chat_prompt(const Json& messages, const Json& flags) const;
  /// Text as it stands, after the tokenizer's BOS if it has one.
  std::vector<int> raw_prompt(std::string_view text) const;

  /// Runs one request to its end. Throws Error if the prompt does not fit the context or a parameter is out of range;
  /// whatever a callback throws ends the request and is passed on.
  GenerationResult generate(std::vector<int> prompt, const Generation& generation);

 private:
  std::unique_ptr<Device> device_;
  std::unique_ptr<Checkpoint> checkpoint_;
  std::unique_ptr<Tokenizer> tokenizer_;
  std::unique_ptr<PromptRenderer> renderer_;
  std::unique_ptr<Model> model_;
  std::unique_ptr<Engine> engine_;
  SamplingParams recommended_;
};

/// The prompt format of a model: its chat template, or the encoding that its architecture is known to use; null if it
/// has neither. `model_type` as in config.json; may be empty.
std::unique_ptr<PromptRenderer> make_renderer(const TokenizerSpec& spec, const std::string& model_type);

}  // namespace dure
