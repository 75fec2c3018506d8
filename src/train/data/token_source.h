#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/json_fwd.h"

namespace dure {

/// Rows of a training step: documents, or pieces of them, one after the other. A row attends the earlier rows of its
/// own document alone. The first four members are those of nn's Batch, with the target of each row beside them.
struct TokenBatch {
  std::vector<int> tokens;     ///< [T]
  std::vector<int> targets;    ///< [T] the token that follows each row; -1: the row has no part in the loss
  std::vector<int> positions;  ///< [T] each row's place in its document, from 0 on
  std::vector<int> starts;     ///< [S + 1] first row of each document; starts[S] == T
  std::vector<float> weights;  ///< [T] how much each target counts; empty: all of them once

  int rows() const { return static_cast<int>(tokens.size()); }
};

/// What one step learns from.
struct StepData {
  std::vector<TokenBatch> batches;
  int64_t rows = 0;  ///< by which the run proceeds: of the batches, and what was made in vain
  /// What there is to say about them, by name, for the log.
  std::vector<std::pair<std::string, double>> measures = {};
};

/// Endless data for training. What comes next is a function of state(), which is small (a seed, an epoch, a position in
/// it), and of the model's weights where a model makes the data, so that a run that is resumed reads what it would have
/// read. Not thread-safe.
class StepSource {
 public:
  virtual ~StepSource() = default;

  /// The next step's data, about `tokens` rows in batches of at most `micro_tokens`.
  /// Throws Error if the data turn out to be damaged.
  virtual StepData step(int64_t tokens, int64_t micro_tokens) = 0;

  /// Every token and target is less than this.
  virtual int vocab_size() const = 0;

  /// Where step() goes on.
  virtual Json state() const = 0;
  /// Throws Error if the state is not of a source over the same data.
  virtual void restore(const Json& state) = 0;
};

/// A StepSource over documents that are there.
class TokenSource : public StepSource {
 public:
  /// The next rows: exactly `tokens` of them, some with a target. After the last document comes the first one again,
  /// in another order.
  /// Throws Error if the data turn out to be damaged.
  virtual TokenBatch next(int64_t tokens) = 0;

  StepData step(int64_t tokens, int64_t micro_tokens) override;  ///< exactly so many rows
};

/// Windows of `length` rows over one document, in a new order each epoch: for tests and first steps. A window's last
/// target is the next one's first token.
/// Throws Error if there are fewer than length + 1 tokens, or a negative one.
std::unique_ptr<TokenSource> make_token_windows(std::vector<int> tokens, int length, uint64_t seed);

/// The source that the field "data" of a recipe describes. `source` names the recipe in errors; paths are relative to
/// `folder`, the recipe's own. Throws Error for an unknown key, or files that cannot be used.
///
/// {"bytes": "FILE", "length": 512}: the bytes of a file are the tokens, in windows of so many rows.
/// {"shards": [{"folder": "DIR", "split": "train", "weight": 1}, ...], "length": 512}: what dure data build wrote,
/// mixed by weight; of a document at most so many rows at once.
std::unique_ptr<TokenSource> open_token_source(const Json& data, const std::string& source, const std::string& folder,
                                               uint64_t seed);

}  // namespace dure
