#include "train/align/log_probs.h"

#include <algorithm>

#include "sampling/softmax.h"

namespace dure {

NoGradient::NoGradient(const Model& model) {
  for (const Parameter& p : model.parameters())
    if (p.tensor.requires_grad()) stopped_.push_back(p.tensor);
  for (Tensor& t : stopped_) t.set_requires_grad(false);
}

NoGradient::~NoGradient() {
  for (Tensor& t : stopped_) t.set_requires_grad(true);
}

std::vector<TokenBatch> pack_documents(const std::vector<TokenizedDocument>& documents, int64_t micro_tokens) {
  std::vector<TokenBatch> batches;
  for (const TokenizedDocument& d : documents) {
    const auto rows = static_cast<int64_t>(d.ids.size()) - 1;
    if (batches.empty() || batches.back().rows() + rows > micro_tokens) {
      batches.emplace_back();
      batches.back().starts = {0};
    }
    TokenBatch& batch = batches.back();
    for (int64_t t = 0; t < rows; ++t) {
      const auto next = static_cast<size_t>(t) + 1;
      batch.tokens.push_back(d.ids[next - 1]);
      batch.targets.push_back(d.learned[next] ? d.ids[next] : -1);
      batch.positions.push_back(static_cast<int>(t));
    }
    batch.starts.push_back(batch.rows());
  }
  return batches;
}

std::vector<float> target_log_probs(Model& model, const TokenBatch& micro) {
  constexpr int kRows = 256;  // logits at once
  const Tensor hidden = model.forward(
      {.tokens = micro.tokens, .positions = micro.positions, .starts = micro.starts, .block_table = {}});  // [T, D]
  std::vector<float> out(micro.tokens.size());
  for (int begin = 0; begin < micro.rows(); begin += kRows) {
    const int count = std::min(kRows, micro.rows() - begin);
    const auto targets = std::span(micro.targets).subspan(static_cast<size_t>(begin), static_cast<size_t>(count));
    if (std::ranges::all_of(targets, [](int target) { return target < 0; })) continue;
    const Tensor logits = model.logits(hidden.rows(begin, count));  // [count, V]
    const auto width = static_cast<size_t>(logits.dim(1));
    for (size_t i = 0; i < targets.size(); ++i) {
      if (targets[i] < 0) continue;
      const std::span<const float> row = logits.data().subspan(i * width, width);
      out[static_cast<size_t>(begin) + i] = static_cast<float>(row[static_cast<size_t>(targets[i])] - log_sum_exp(row));
    }
  }
  return out;
}

}  // namespace dure
