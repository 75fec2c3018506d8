#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "backend/backend.h"

namespace dure {

/// One comparison of a model with its golden.json: the largest error over everything of that kind.
struct Check {
  std::string backend;  ///< "cpu/avx2, f32"
  std::string what;     ///< "prefill in odd chunks: logits"
  double error = 0;     ///< largest difference; for bf16 1 - cosine; for tokens the number that differ
  double limit = 0;
  bool passed() const { return error <= limit; }  // false for NaN
};

/// Runs the sequences of DIR/golden.json (logits, argmax, greedy continuation; layers, router and MTP where the file
/// has them) through the model in DIR: in one chunk, in odd chunks, token by token, without a cache, and all sequences
/// in one batch; in float32 with a float32 cache, and by the bf16 rule with bf16 arithmetic and cache.
/// `backends` empty: every backend of this machine. `report` sees each check as it is made.
/// A golden with a `base_model` belongs to an adapter: DIR is a PEFT folder, the model is DIR/../base_model.
/// Throws Error if the folder has no golden.json or its model cannot be loaded.
std::vector<Check> verify_model(const std::filesystem::path& folder, const std::vector<std::string>& backends,
                                const std::function<void(const Check&)>& report);

}  // namespace dure
