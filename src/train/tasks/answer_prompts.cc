#include "train/tasks/answer_prompts.h"

namespace dure {

std::vector<std::vector<PromptAnswer>> answer_prompts(Engine& engine, const std::vector<std::vector<int>>& prompts,
                                                      const SamplingParams& sampling, int attempts,
                                                      const std::function<void(int64_t, int64_t)>& progress) {
  std::vector<std::vector<PromptAnswer>> answers(prompts.size(),
                                                 std::vector<PromptAnswer>(static_cast<size_t>(attempts)));
  std::vector<SeqId> ids;
  std::exception_ptr error;
  int64_t done = 0;
  try {
    for (size_t p = 0; p < prompts.size(); ++p) {
      Request request;
      request.prompt = prompts[p];
      request.sampling = sampling;
      if (sampling.seed) request.sampling.seed = *sampling.seed + p * static_cast<size_t>(attempts);
      request.n = attempts;
      request.on_token = [&answers, p](int choice, const Sampled& token) {
        answers[p][static_cast<size_t>(choice)].ids.push_back(token.id);
        return true;
      };
      request.on_error = [&error](std::exception_ptr e) { error = std::move(e); };
      request.on_finish = [&, p](int choice, FinishReason reason) {
        answers[p][static_cast<size_t>(choice)].reason = reason;
        ++done;
      };
      ids.push_back(engine.add(std::move(request)));
    }
    while (engine.step() && !error)
      if (progress) progress(done, static_cast<int64_t>(prompts.size()) * attempts);
  } catch (...) {
    error = std::current_exception();
  }
  if (error) {
    for (const SeqId id : ids) engine.cancel(id);  // they would go on with callbacks that are no more
    std::rethrow_exception(error);
  }
  return answers;
}

}  // namespace dure
