#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "backend/backend.h"

namespace dure {

class KVCache;

/// The one way to look inside a forward pass: called with a name, a layer (-1 outside the layers) and a tensor.
/// Names: "embedding" [T, D], "layer_output" [T, D], "router_experts" I32 [T, k], "router_weights" [T, k],
/// "balance_loss" [1] with Batch::balance.
using Trace = std::function<void(std::string_view name, int layer, const Tensor& value)>;

/// Rows of several sequences that go through the model together. Ragged: a prefill chunk, a decode step of many
/// sequences (one row each) and packed training documents are the same thing.
struct Batch {
  std::vector<int> tokens;     ///< [T] token ids
  std::vector<int> positions;  ///< [T] each row's place in its sequence
  std::vector<int> starts;     ///< [S + 1] first row of each sequence; starts[S] == T
  KVCache* cache = nullptr;    ///< null: rows attend the earlier rows of their sequence in this batch
  Tensor block_table;          ///< I32 [S, pages per sequence], with a cache
  RowKind kind = RowKind::prompt;
  const Trace* trace = nullptr;
  /// In training: what the sequence-wise balance loss of each router weighs (see balance_loss()); 0: nothing.
  float balance = 0;
  bool recompute = false;  ///< in training: layers run again in the backward pass, their activations are not kept

  int rows() const { return static_cast<int>(tokens.size()); }
  Ragged ragged() const { return {starts, positions}; }
  void observe(std::string_view name, int layer, const Tensor& value) const {
    if (trace != nullptr) (*trace)(name, layer, value);
  }
};

/// One sequence from position 0 without a cache.
Batch single_sequence(std::vector<int> tokens);

}  // namespace dure
