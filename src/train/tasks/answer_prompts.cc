#include "train/tasks/answer_prompts.h"

namespace dure {
namespace {

Request request_of(const std::vector<int>& prompt, const SamplingParams& sampling, bool with_end,
                   std::vector<PromptAnswer>& answers) {
  Request request;
  request.prompt = prompt;
  request.sampling = sampling;
  request.n = static_cast<int>(answers.size());
  if (with_end) {  // the engine says nothing of tokens that it takes for the end
    request.sampling.eos_token_ids.clear();
    request.sampling.stop_token_ids.clear();
  }
  request.on_token = [&answers, sampling, with_end](int choice, const Sampled& token) {
    PromptAnswer& answer = answers[static_cast<size_t>(choice)];
    answer.ids.push_back(token.id);
    if (sampling.logprobs) answer.logprobs.push_back(token.logprob);
    return !with_end || !is_stop_token(sampling, token.id);
  };
  return request;
}

}  // namespace

std::vector<std::vector<PromptAnswer>> answer_prompts(Engine& engine, const std::vector<std::vector<int>>& prompts,
                                                      const SamplingParams& sampling, const AnswerOptions& o) {
  std::vector<std::vector<PromptAnswer>> answers(prompts.size(),
                                                 std::vector<PromptAnswer>(static_cast<size_t>(o.attempts)));
  std::vector<SeqId> ids;
  std::exception_ptr error;
  int64_t done = 0;
  try {
    for (size_t p = 0; p < prompts.size(); ++p) {
      Request request = request_of(prompts[p], sampling, o.with_end, answers[p]);
      if (sampling.seed) request.sampling.seed = *sampling.seed + p * static_cast<size_t>(o.attempts);
      request.on_error = [&error](std::exception_ptr e) { error = std::move(e); };
      request.on_finish = [&, p](int choice, FinishReason reason) {
        PromptAnswer& answer = answers[p][static_cast<size_t>(choice)];
        const bool ended = o.with_end && !answer.ids.empty() && is_stop_token(sampling, answer.ids.back());
        answer.reason = ended ? FinishReason::stop : reason;
        ++done;
      };
      ids.push_back(engine.add(std::move(request)));
    }
    while (engine.step() && !error)
      if (o.progress) o.progress(done, static_cast<int64_t>(prompts.size()) * o.attempts);
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
