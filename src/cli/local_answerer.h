#pragma once

#include "cli/answerer.h"

namespace dure {

/// A model in this program.
class LocalAnswerer final : public Answerer {
 public:
  /// REQUIRES: the assistant outlives this.
  explicit LocalAnswerer(Assistant& assistant) : assistant_(assistant) {}

  GenerationResult answer(const Conversation& conversation, const Settings& settings,
                          const AnswerWatch& watch) override;
  int context() const override { return assistant_.engine().max_model_len(); }
  std::optional<int> count_tokens(const std::string& text) override;
  int vocab_size() const override { return assistant_.model().info().vocab_size; }
  int64_t cache_bytes() const override { return assistant_.engine().cache_bytes(); }
  ThinkingSwitch thinking_switch() override;

 private:
  RenderedPrompt prompt(const Conversation& conversation, const Settings& settings) const;

  Assistant& assistant_;
};

}  // namespace dure
