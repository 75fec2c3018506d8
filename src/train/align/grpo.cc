#include "train/align/grpo.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "base/json.h"
#include "engine/engine.h"
#include "train/align/log_probs.h"
#include "train/data/permutation.h"
#include "train/tasks/answer_prompts.h"

namespace dure {
namespace {

/// A prompt with its answer, which is to be learned.
TokenizedDocument document_of(const std::vector<int>& prompt, const PromptAnswer& answer) {
  TokenizedDocument d{prompt, std::vector<bool>(prompt.size(), false)};
  d.ids.insert(d.ids.end(), answer.ids.begin(), answer.ids.end());
  d.learned.resize(d.ids.size(), true);
  return d;
}

/// Answers that are learned from, in the order of their documents.
struct Lesson {
  const PromptAnswer* answer;
  double advantage;
};

class GrpoSource final : public StepSource {
 public:
  GrpoSource(Model& model, Device& device, GrpoTasks tasks, const GrpoOptions& options)
      : model_(model), device_(device), tasks_(std::move(tasks)), o_(options) {
    require(!tasks_.prompts.empty(), "grpo: there are no problems");
  }

  StepData step(int64_t, int64_t micro_tokens) override {
    const NoGradient guard(model_);
    const std::vector<size_t> chosen = choose_tasks();
    std::vector<std::vector<int>> prompts;
    for (const size_t task : chosen) prompts.push_back(tasks_.prompts[task]);
    const auto answers = sample(prompts);
    const std::vector<double> rewards = rewards_of(chosen, answers);

    StepData data;
    measure(answers, rewards, data);
    double groups = 0;
    std::vector<Lesson> lessons;
    std::vector<TokenizedDocument> documents;
    for (size_t p = 0; p < prompts.size(); ++p) {
      const auto group = std::span(rewards).subspan(p * answers[p].size(), answers[p].size());
      const double mean = std::accumulate(group.begin(), group.end(), 0.0) / static_cast<double>(group.size());
      if (std::ranges::all_of(group, [&](double r) { return r == group[0]; })) continue;
      for (size_t i = 0; i < group.size(); ++i) {
        lessons.push_back({&answers[p][i], group[i] - mean});
        documents.push_back(document_of(prompts[p], answers[p][i]));
      }
      ++groups;
    }
    data.measures.emplace_back("groups", groups);
    data.batches = pack_documents(documents, micro_tokens);
    data.measures.emplace_back("max_dlogp", weigh(data.batches, lessons));
    ++steps_;
    return data;
  }

  int vocab_size() const override { return model_.info().vocab_size; }
  Json state() const override {
    return {{"tasks", tasks_.prompts.size()}, {"seed", o_.seed}, {"steps", steps_}, {"position", position_}};
  }
  void restore(const Json& state) override {
    const Fields fields(state, "data");
    require(fields.number("tasks") == static_cast<double>(tasks_.prompts.size()) &&
                fields.number("seed") == static_cast<double>(o_.seed),
            "data: the run was begun with other problems or another seed");
    steps_ = static_cast<int64_t>(fields.number("steps"));
    position_ = static_cast<uint64_t>(fields.number("position"));
  }

 private:
  /// The next ones of an endless row of permutations.
  std::vector<size_t> choose_tasks() {
    const uint64_t count = tasks_.prompts.size();
    std::vector<size_t> chosen;
    for (int i = 0; i < o_.prompts; ++i, ++position_)
      chosen.push_back(static_cast<size_t>(Permutation(count, o_.seed, position_ / count)(position_ % count)));
    return chosen;
  }

  std::vector<std::vector<PromptAnswer>> sample(const std::vector<std::vector<int>>& prompts) {
    size_t longest = 0;
    for (const std::vector<int>& p : prompts) longest = std::max(longest, p.size());
    const int sequences = std::min(o_.prompts * o_.samples, 256);
    const int64_t block = KVCache::kBlockSize, length = static_cast<int64_t>(longest) + o_.max_tokens;
    EngineOptions engine;
    engine.max_model_len = static_cast<int>(std::min<int64_t>(length, model_.info().max_position_embeddings));
    engine.exact = o_.exact;
    engine.cache_dtype = o_.exact ? DType::F32 : DType::BF16;
    engine.cache_bytes = (length + block - 1) / block * block * sequences *
                         cache_bytes_per_token(model_.cache_planes(), engine.cache_dtype);
    engine.max_num_seqs = sequences;
    engine.max_num_waiting = 0;
    SamplingParams sampling;
    sampling.max_tokens = o_.max_tokens;
    sampling.eos_token_ids = tasks_.end_tokens;
    sampling.logprobs = 0;
    sampling.seed = (o_.seed << 40) + static_cast<uint64_t>(steps_ * o_.prompts * o_.samples);
    Engine e(model_, device_, engine);
    return answer_prompts(e, prompts, sampling, {.attempts = o_.samples, .with_end = true});
  }

  std::vector<double> rewards_of(const std::vector<size_t>& chosen,
                                 const std::vector<std::vector<PromptAnswer>>& answers) const {
    std::vector<SampledAnswer> sampled;
    for (size_t p = 0; p < chosen.size(); ++p)
      for (const PromptAnswer& a : answers[p]) {
        const bool finished = a.reason == FinishReason::stop;
        sampled.push_back({chosen[p], std::span(a.ids).first(a.ids.size() - finished), finished});
      }
    std::vector<double> rewards = tasks_.rewards(sampled);
    require(rewards.size() == sampled.size(), "grpo: {} rewards for {} answers", rewards.size(), sampled.size());
    for (const double r : rewards) require(std::isfinite(r), "grpo: a reward is not finite");
    return rewards;
  }

  static void measure(const std::vector<std::vector<PromptAnswer>>& answers, const std::vector<double>& rewards,
                      StepData& data) {
    double tokens = 0, finished = 0, right = 0;
    for (const auto& group : answers)
      for (const PromptAnswer& a : group) {
        tokens += static_cast<double>(a.ids.size());
        finished += a.reason == FinishReason::stop;
      }
    for (const double r : rewards) right += r >= 1;
    const auto count = static_cast<double>(rewards.size());
    data.rows = static_cast<int64_t>(tokens);
    data.measures = {{"reward", std::accumulate(rewards.begin(), rewards.end(), 0.0) / count},
                     {"right", right / count},
                     {"answer_tokens", tokens / count},
                     {"finished", finished / count}};
  }

  /// Each target counts advantage times p / p_old, unless it is clipped. Returns the largest difference between the
  /// log-probabilities.
  double weigh(std::vector<TokenBatch>& batches, const std::vector<Lesson>& lessons) {
    double largest = 0;
    auto lesson = lessons.begin();
    for (TokenBatch& batch : batches) {
      const std::vector<float> now = target_log_probs(model_, batch);
      batch.weights.resize(batch.tokens.size());
      for (size_t d = 0; d + 1 < batch.starts.size(); ++d, ++lesson) {
        auto then = lesson->answer->logprobs.begin();
        for (auto row = static_cast<size_t>(batch.starts[d]); row < static_cast<size_t>(batch.starts[d + 1]); ++row) {
          if (batch.targets[row] < 0) continue;
          const double moved = double{now[row]} - double{*then++}, ratio = std::exp(moved);
          largest = std::max(largest, std::abs(moved));
          const bool clipped = lesson->advantage > 0 ? ratio > 1 + o_.clip_high : ratio < 1 - o_.clip_low;
          batch.weights[row] = clipped ? 0 : static_cast<float>(lesson->advantage * ratio);
        }
        DURE_ASSERT(then == lesson->answer->logprobs.end());
      }
    }
    require(!o_.exact || largest == 0,
            "grpo: the log-probabilities of sampling and training differ by {}; grpo.exact=false takes what differs",
            largest);
    return largest;
  }

  Model& model_;
  Device& device_;
  const GrpoTasks tasks_;
  const GrpoOptions o_;
  int64_t steps_ = 0;
  uint64_t position_ = 0;  // in the row of tasks
};

}  // namespace

std::unique_ptr<StepSource> make_grpo_source(Model& model, Device& device, GrpoTasks tasks,
                                             const GrpoOptions& options) {
  return std::make_unique<GrpoSource>(model, device, std::move(tasks), options);
}

}  // namespace dure
