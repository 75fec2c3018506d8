#include "chat/answer_grammar.h"

#include "chat/prepare.h"
#include "chat/reasoning_budget.h"

namespace dure {

struct AnswerGrammars::Impl {
  explicit Impl(const LoadedModel& m) : model(m), end_of_thoughts(m.tokenizer().encode("</think>")) {}
  const LoadedModel& model;
  std::vector<int> end_of_thoughts;
};

AnswerGrammars::AnswerGrammars(const LoadedModel& model) : impl_(std::make_unique<Impl>(model)) {}
AnswerGrammars::~AnswerGrammars() = default;

std::function<std::shared_ptr<TokenConstraint>(int)> AnswerGrammars::constraint(const ChatRequest& request,
                                                                                const PreparedRequest& prepared) const {
  const auto* chat = std::get_if<ChatPrompt>(&request.prompt);
  if (chat == nullptr || !chat->reasoning_budget || prepared.rules.start != AnswerStart::reasoning) return nullptr;
  return [this, budget = *chat->reasoning_budget](int) -> std::shared_ptr<TokenConstraint> {
    return std::make_shared<ReasoningBudget>(impl_->end_of_thoughts, budget, impl_->model.info().vocab_size, nullptr);
  };
}

}  // namespace dure
