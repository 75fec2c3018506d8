#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "chat/answer_builder.h"
#include "chat/chat_request.h"
#include "chat/loaded_model.h"
#include "sampling/constraint.h"

namespace dure {

/// A request made ready for the engine: what the model reads, how it samples, and how its ids become an answer.
struct PreparedRequest {
  std::string prompt_text;
  std::vector<int> prompt;
  SamplingParams sampling;
  AnswerRules rules;
  std::function<std::shared_ptr<TokenConstraint>(int choice)> constraint;  ///< null: anything may come
};

/// What preparing needs besides the model, made once and shared by all requests. Thread-safe.
class RequestPreparer {
 public:
  /// `tool_memory`: see ServiceOptions; `tool_file`: see ToolCallMemory. REQUIRES: the model outlives this.
  RequestPreparer(const LoadedModel& model, bool tool_memory, std::filesystem::path tool_file = {});
  ~RequestPreparer();

  /// Throws RequestError naming the field for what the model cannot do.
  PreparedRequest prepare(const ChatRequest& request) const;

  /// Remembers the calls of an answer as they were sampled, by their ids.
  void remember_calls(const std::vector<std::string>& ids, const std::string& text) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace dure
