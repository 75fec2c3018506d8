#include "toolbox/token_losses.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "ops/view.h"

namespace dure {
namespace {

constexpr int kBatchRows = 1024;                    // that go through the layers at once
constexpr int64_t kSliceValues = int64_t{1} << 24;  // logits that are held at once

/// Windows that go through the model together, the rows of theirs that count, and what follows each of those.
struct Packed {
  Batch batch{.tokens = {}, .positions = {}, .starts = {0}, .block_table = {}};
  std::vector<int> rows, targets;

  void add(const Window& w) {
    const int begin = batch.rows(), end = w.first + w.rows();
    for (int t = 0; t < end; ++t) {
      batch.tokens.push_back(w.ids[static_cast<size_t>(t)]);
      batch.positions.push_back(t);
    }
    for (int t = w.first; t < end; ++t) {
      rows.push_back(begin + t);
      targets.push_back(w.target(t));
    }
    batch.starts.push_back(batch.rows());
  }
};

std::vector<float> losses_of(Model& model, Device& device, const Packed& packed) {
  const Tensor hidden = model.forward(packed.batch);  // [T, D]
  const auto slice = static_cast<size_t>(std::clamp<int64_t>(kSliceValues / model.info().vocab_size, 1, kBatchRows));
  std::vector<float> losses;
  for (size_t begin = 0; begin < packed.rows.size(); begin += slice) {
    const size_t end = std::min(begin + slice, packed.rows.size());
    const auto part = [&](const std::vector<int>& list) {
      return std::vector<int>(list.begin() + static_cast<long>(begin), list.begin() + static_cast<long>(end));
    };
    const Tensor logits = model.logits(take_rows(hidden, part(packed.rows)));  // [end - begin, V]
    const Tensor labels = Tensor::from(device, part(packed.targets));
    const Tensor nats = Tensor::empty(device, DType::F32, {static_cast<int64_t>(end - begin)});
    device.backend().cross_entropy(nats.view(), logits.view(), labels.view());
    for (const float loss : nats.data()) {
      require(std::isfinite(loss), "the model's logits are not finite");
      losses.push_back(loss);
    }
  }
  return losses;
}

}  // namespace

std::vector<std::vector<float>> token_losses(Model& model, Device& device, std::span<const Window> windows,
                                             const EvaluationProgress& progress) {
  const int64_t total = counted_tokens(windows);
  std::vector<std::vector<float>> losses;
  int64_t done = 0;
  for (size_t next = 0; next < windows.size();) {
    Packed packed;
    const size_t first = next;
    do packed.add(windows[next++]);
    while (next < windows.size() && packed.batch.rows() + windows[next].first + windows[next].rows() <= kBatchRows);
    const std::vector<float> all = losses_of(model, device, packed);
    auto at = all.begin();
    for (size_t w = first; w < next; ++w) {
      losses.emplace_back(at, at + windows[w].rows());
      at += windows[w].rows();
    }
    done += static_cast<int64_t>(all.size());
    if (progress) progress(done, total);
  }
  return losses;
}

}  // namespace dure
