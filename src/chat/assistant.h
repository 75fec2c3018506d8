#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "chat/loaded_model.h"
#include "engine/engine.h"

namespace dure {

struct AssistantOptions {
  DeviceOptions device;
  LoadOptions load;       ///< with its progress
  int max_model_len = 0;  ///< 0: what the model was made for, as far as half of the free memory holds its cache
  DType cache_dtype = DType::BF16;
  bool exact = false;  ///< see EngineOptions
  SpeculationOptions speculation = {};
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

/// A model ready to talk with one person: what was loaded, and an engine.
class Assistant {
 public:
  /// Throws Error naming the file if something is missing or broken.
  Assistant(const std::filesystem::path& model, const AssistantOptions& options);

  const Tokenizer& tokenizer() const { return loaded_.tokenizer(); }
  const Model& model() const { return loaded_.model(); }
  const Engine& engine() const { return *engine_; }
  /// Null if the model has no chat template: it continues text.
  const PromptRenderer* renderer() const { return loaded_.renderer(); }
  /// See LoadedModel.
  const SamplingParams& recommended() const { return loaded_.recommended(); }

  /// The prompt of a conversation. `messages` is an array of {"role", "content"}; `flags` an object whose fields the
  /// template sees too (enable_thinking, ...). Throws Error if there is no template or it refuses the conversation.
  RenderedPrompt chat_prompt(const Json& messages, const Json& flags) const;
  /// Text as it stands, after the tokenizer's BOS if it has one.
  std::vector<int> raw_prompt(std::string_view text) const { return loaded_.raw_prompt(text); }

  /// Runs one request to its end. Throws Error if the prompt does not fit the context or a parameter is out of range;
  /// whatever a callback throws ends the request and is passed on.
  GenerationResult generate(std::vector<int> prompt, const Generation& generation);

 private:
  LoadedModel loaded_;
  std::unique_ptr<Engine> engine_;
};

}  // namespace dure
