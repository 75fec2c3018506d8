#include "train/pretrain.h"

#include "ops/cross_entropy.h"
#include "ops/distillation.h"
#include "ops/elementwise.h"
#include "ops/tape.h"

namespace dure {
namespace {

/// Row t of `next` holds token t + 1 of its document, and its label is token t + 2, if that is a target; rows at a
/// document's end have nothing to learn and hold whatever follows.
struct Draft {
  Batch next;
  std::vector<int> labels;  // [T]
};

Draft draft_of(const Batch& batch, const TokenBatch& micro) {
  Draft d{batch, std::vector<int>(micro.tokens.size(), -1)};
  for (size_t s = 0; s + 1 < micro.starts.size(); ++s)
    for (int t = micro.starts[s]; t + 1 < micro.starts[s + 1]; ++t) {
      const auto row = static_cast<size_t>(t);
      d.next.tokens[row] = micro.tokens[row + 1];
      d.labels[row] = micro.targets[row + 1];
    }
  return d;
}

}  // namespace

void StepSize::add(const TokenBatch& batch) {
  rows += batch.rows();
  for (size_t s = 0; s + 1 < batch.starts.size(); ++s)
    for (int t = batch.starts[s]; t < batch.starts[s + 1]; ++t) {
      const bool target = batch.targets[static_cast<size_t>(t)] >= 0;
      targets += target;
      draft_targets += target && t > batch.starts[s];
    }
}

void pretrain_backward(Model& model, Device& device, const TokenBatch& micro, const StepSize& step,
                       const PretrainOptions& options, const Trace& trace, PretrainLoss& loss) {
  const Trace watch = [&](std::string_view name, int layer, const Tensor& value) {
    if (name == "balance_loss") loss.balance += value.data()[0] / static_cast<double>(step.rows);
    if (trace) trace(name, layer, value);
  };
  const Batch plain{.tokens = micro.tokens, .positions = micro.positions, .starts = micro.starts, .block_table = {}};
  Batch batch = plain;
  batch.trace = &watch;
  batch.balance = static_cast<float>(options.balance / static_cast<double>(step.rows));
  batch.recompute = options.recompute;

  const Tensor weights = micro.weights.empty() ? Tensor() : Tensor::from(device, micro.weights, {micro.rows()});
  /// A sum over targets as a part of the step's mean.
  const auto part = [](const Tensor& sum, int64_t of) { return scale(sum, of == 0 ? 0 : 1 / static_cast<float>(of)); };
  const auto count = [](double sum, int64_t of) { return of == 0 ? 0 : sum / static_cast<double>(of); };

  const Block head = [&](const Tensor& h) { return model.logits(h); };
  const Tensor hidden = model.forward(batch), targets = Tensor::from(device, micro.targets);  // [T, D], [T]
  Tensor total;
  if (options.teacher != nullptr) {
    const Teacher teacher{[&](const Tensor& h) { return options.teacher->logits(h); }, options.teacher->forward(plain),
                          static_cast<float>(options.temperature), static_cast<float>(options.share)};
    const DistillationLoss sums = chunked_distillation(head, hidden, targets, weights, teacher);
    loss.main += count(sums.labels, step.targets);
    loss.teacher += count(sums.teacher, step.targets);
    total = part(sums.total, step.targets);
  } else {
    const Tensor sum = chunked_cross_entropy(head, hidden, targets, weights);  // [1]
    loss.main += count(sum.data()[0], step.targets);
    total = part(sum, step.targets);
  }
  if (options.mtp > 0) {
    const Draft draft = draft_of(batch, micro);
    const Tensor ahead = model.draft_hidden(hidden, draft.next);  // [T, D]
    const Tensor sum = chunked_cross_entropy([&](const Tensor& h) { return model.draft_logits(h); }, ahead,
                                             Tensor::from(device, draft.labels), weights);
    loss.mtp += count(sum.data()[0], step.draft_targets);
    total = add(total, scale(part(sum, step.draft_targets), static_cast<float>(options.mtp)));
  }
  if (total.requires_grad()) backward(total);
}

}  // namespace dure
