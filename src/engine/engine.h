#pragma once

#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/block_pool.h"
#include "engine/sequence.h"
#include "engine/stats.h"
#include "models/model.h"

namespace dure {

struct EngineOptions {
  int max_model_len = 0;             ///< tokens of a sequence, prompt and answer; 0: what the model was made for
  int64_t cache_bytes = 0;           ///< for the KV cache; 0: room for one sequence of max_model_len
  int max_num_batched_tokens = 512;  ///< rows of one step
  DType cache_dtype = DType::BF16;
  bool exact = false;      ///< one arithmetic for prompts and answers: any chunks and any cached prefix, the same bytes
  int max_num_seqs = 256;  ///< sequences that run at once
  int max_num_waiting = 1024;  ///< requests in line; 0: no bound
  /// Everything that decides a row's bytes but the options above, as LoadedModel::fingerprint() has it. What was cached
  /// under another fingerprint is never found.
  std::string fingerprint = {};
  std::filesystem::path cache_dir = {};         ///< folder of the disk tier, needs a fingerprint; empty: none
  int64_t cache_dir_bytes = int64_t{16} << 30;  ///< of files in it
};

/// Many sequences through one model: token ids in, token ids out. step() = schedule -> forward -> sample -> commit.
///
/// A step feeds the sampled rows of all running sequences as one batch, then chunks of prompts as another, so that each
/// kind has its own arithmetic (see RowKind); prompts take what the sampled rows leave of the step's budget. A
/// request's tokens do not depend on its company, nor on the number of threads. A sequence starts when the cache has
/// room for all it may need, so that nobody is thrown out midway; others wait in line. The pages of finished sequences
/// stay until somebody needs them: a prompt that begins like one of them takes its pages over and computes only the
/// rest. Not thread-safe.
class Engine {
 public:
  /// `model` and `device` outlive the engine. Throws Error if the cache cannot hold one page for each plane.
  Engine(Model& model, Device& device, const EngineOptions& options);

  /// Queues a request. Throws Error if the prompt is empty, has ids outside the vocabulary or leaves no room for an
  /// answer, or if a parameter is out of range; QueueFull if too many wait.
  SeqId add(Request request);
  /// A batch of each kind of row. Returns whether there is more to do. Errors of the model leave the engine as it was
  /// before the step.
  bool step();
  /// The sequence ends now, with FinishReason::cancelled; unknown ids are ignored. May be called from a callback.
  void cancel(SeqId id);

  /// Tokens of a prompt that would be found in the cache now.
  int cached_tokens(const std::vector<int>& prompt, int adapter = -1) const;
  EngineStats stats() const;
  int max_model_len() const { return max_model_len_; }
  int64_t cache_bytes() const;

 private:
  struct Scheduled {
    Sequence* sequence;
    int rows;  // tokens of it in this batch
  };
  void admit();
  /// What one batch did: logits of the sequences whose last token it held.
  struct Computed {
    std::vector<Sequence*> sampling;
    Tensor logits;  // [sampling, V]
  };
  /// The sequences whose next rows are of a kind, within `budget` rows, which shrinks.
  std::vector<Scheduled> schedule(RowKind kind, int* budget) const;
  RowKind kind_of(const Sequence& s) const;
  Batch make_batch(const std::vector<Scheduled>& scheduled, RowKind kind) const;
  Computed compute(const std::vector<Scheduled>& scheduled, RowKind kind);
  void commit(const std::vector<Scheduled>& scheduled, const std::vector<Computed>& computed);
  void finish(Sequence& s, FinishReason reason);
  int pages_for(int tokens) const;

  Model& model_;
  Device& device_;
  int max_model_len_, max_batch_;
  bool exact_;
  std::unique_ptr<KVCache> cache_;
  BlockPool pool_;
  std::shared_ptr<SamplerWorkspace> workspace_ = std::make_shared<SamplerWorkspace>();
  std::deque<std::unique_ptr<Sequence>> waiting_;
  std::vector<std::unique_ptr<Sequence>> running_;
  SeqId next_id_ = 1;
};

}  // namespace dure
