#pragma once

#include <functional>
#include <memory>

#include "chat/chat_request.h"
#include "chat/loaded_model.h"
#include "sampling/constraint.h"

namespace dure {

struct PreparedRequest;

/// What requests allow their answers to be, as constraints on tokens: response formats, calls of tools, budgets of
/// thought. Compiled grammars are kept for the next request. Thread-safe.
class AnswerGrammars {
 public:
  /// REQUIRES: the model outlives this.
  explicit AnswerGrammars(const LoadedModel& model);
  ~AnswerGrammars();

  /// Makes one constraint for each choice; null if the request leaves its answer free. `prepared` has its prompt and
  /// rules already. Throws RequestError naming the field for what cannot be kept exactly.
  std::function<std::shared_ptr<TokenConstraint>(int choice)> constraint(const ChatRequest& request,
                                                                         const PreparedRequest& prepared) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace dure
