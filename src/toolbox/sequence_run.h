#pragma once

#include "models/model.h"

namespace dure {

/// One sequence, or several side by side, fed through a model with a cache of their own: for goldens, for `dure logits`
/// and for `dure bench`. The engine does this for users, with pages shared and scheduled.
class SequenceRun {
 public:
  /// Room for `sequences` of up to `capacity` tokens each.
  SequenceRun(Model& model, Device& device, int sequences, int capacity, DType cache_dtype);

  /// Appends rows[s] to sequence s (empty: nothing for it in this batch); returns hidden states of all rows, [T, D].
  /// `keep` receives the batch, for MTP and for tests.
  Tensor feed(const std::vector<std::vector<int>>& rows, const Trace* trace = nullptr, Batch* keep = nullptr,
              RowKind kind = RowKind::prompt);

  /// Sets every sequence to `length` tokens with made-up keys and values, to measure at some depth without a prompt.
  /// REQUIRES: length <= capacity.
  void pretend(int length);

 private:
  Model& model_;
  Device& device_;
  KVCache cache_;
  int pages_each_;
  std::vector<int> lengths_;
  bool made_up_ = false;
};

}  // namespace dure
