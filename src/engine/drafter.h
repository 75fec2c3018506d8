#pragma once

#include <vector>

#include "engine/sequence.h"

namespace dure {

/// Rows of a sequence that a batch computed and that stay in the cache.
struct KeptRows {
  Sequence* sequence;
  int first;     ///< of the batch's rows
  int position;  ///< of the first one
  int rows;
  int wanted;  ///< drafts that may be tried in the next step; 0: none
};
struct KeptBatch {
  const Tensor& hidden;  ///< [T, D] of the whole batch
  RowKind kind;
  std::vector<KeptRows> parts;
};

/// Guesses what comes next in a sequence. The engine computes the guesses together with the last token, samples after
/// each row as it would have done without them, and keeps rows for as long as what was sampled is what was guessed. So
/// guesses change how fast an answer comes, not a byte of it.
class Drafter {
 public:
  virtual ~Drafter() = default;
  /// Sets `drafts` of sequences that want some; these have one token whose row is still to be computed, the one that
  /// follows their kept rows. Called for every batch.
  virtual void follow(const KeptBatch& batch) = 0;
};

}  // namespace dure
