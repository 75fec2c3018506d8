#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/drafter.h"
#include "engine/scheduler.h"
#include "engine/stats.h"
#include "models/model.h"

namespace dure {

struct EngineOptions {
  int max_model_len = 0;             ///< tokens of a sequence, prompt and answer; 0: what the model was made for
  int64_t cache_bytes = 0;           ///< for the KV cache; 0: room for one sequence of max_model_len
  int max_num_batched_tokens = 512;  ///< rows of one step
  DType cache_dtype = DType::BF16;
  bool exact = false;      ///< one arithmetic for prompts and answers: any chunks and any cached prefix, the same bytes
  int max_num_seqs = 256;  ///< sequences that run at once; no more than max_num_batched_tokens do
  int max_num_waiting = 1024;  ///< requests beside max_num_seqs others; 0: no bound
  /// Everything that decides a row's bytes but the options above, as LoadedModel::fingerprint() has it. What was cached
  /// under another fingerprint is never found.
  std::string fingerprint = {};
  std::filesystem::path cache_dir = {};         ///< folder of the disk tier, needs a fingerprint; empty: none
  int64_t cache_dir_bytes = int64_t{16} << 30;  ///< of files in it
  SpeculationOptions speculation = {};          ///< guesses at the next tokens
};

/// Many sequences through one model: token ids in, token ids out. step() = schedule -> forward -> sample -> commit.
///
/// Scheduler says who runs and which rows a step has, BlockManager where rows lie and which are known already. A step
/// feeds rows of answers and rows of prompts as batches of their own, so that each kind has its own arithmetic (see
/// RowKind). A request's tokens follow from its prompt, its parameters and the rows that the cache had for it, not from
/// its company, preemptions, guesses (see Drafter) or the number of threads.
///
/// Callbacks may call add() and cancel(), not step(). What they throw fails their request. An error of the model fails
/// the requests that had rows in that batch; the rest goes on. Not thread-safe.
class Engine {
 public:
  /// `model` and `device` outlive the engine. Throws Error if the cache cannot hold one page for each plane, or if the
  /// model has no layer for DraftSource::mtp. `drafter`, if there is one, guesses instead of the named source.
  Engine(Model& model, Device& device, const EngineOptions& options, std::unique_ptr<Drafter> drafter = nullptr);

  /// Queues a request. Throws Error if the prompt is empty, has ids outside the vocabulary or leaves no room for an
  /// answer, or if a parameter is out of range; QueueFull if too many wait; and what making a constraint throws.
  SeqId add(Request request);
  /// A batch of each kind of row. Returns whether there is more to do.
  bool step();
  /// All choices of a request end now, with FinishReason::cancelled; unknown ids are ignored.
  void cancel(SeqId id);

  /// Tokens of a prompt that would be found in the cache now.
  int cached_tokens(const std::vector<int>& prompt, int adapter = -1) const;
  EngineStats stats() const;
  int max_model_len() const { return max_model_len_; }
  int64_t cache_bytes() const { return blocks_->cache().bytes(); }
  void flush() { blocks_->flush(); }  ///< waits until the disk tier has written what it was given

 private:
  /// Rows of a sequence from its last token on, after each of which a token is chosen.
  struct Sampling {
    Sequence* sequence;
    int rows;                            // guesses among them
    std::optional<Sampled> first = {};   // after the first one, if that is known already
    std::exception_ptr error = nullptr;  // what sampling it threw
  };
  /// What one batch did.
  struct Computed {
    ScheduledBatch batch;
    Tensor hidden;  // [T, D]
    std::vector<Sampling> sampling;
    Tensor logits;                 // [their rows, V]
    std::vector<int> before = {};  // rows of each part that were in the cache before
  };

  void end_late();
  void load();
  void tell_started();
  Batch make_batch(const ScheduledBatch& batch) const;
  bool compute(Computed& c);
  void commit_rows(Computed& c);
  void commit_tokens(Computed& c);
  void sample_together(Computed& c);
  void choose_along(Sampling& sampling, std::span<const float> logits);
  void choose(Sequence& s, std::span<const float> logits, Sampling* known = nullptr);
  void draft(const std::vector<Computed>& computed, std::chrono::steady_clock::time_point begin);
  int drafts_wanted(Sequence& s);
  bool feed_forced(Sequence& s);
  bool append(Sequence& s, const Sampled& token);
  void finish(Sequence& s, FinishReason reason);
  void fail(SequenceGroup& group, std::exception_ptr error);
  template <class Call>
  bool guarded(SequenceGroup& group, const Call& call);
  void finish_all(const SequenceGroup& group, FinishReason reason);

  Model& model_;
  Device& device_;
  int max_model_len_;
  int64_t max_requests_ = 0;  // 0: no bound
  std::unique_ptr<BlockManager> blocks_;
  std::unique_ptr<Scheduler> scheduler_;
  std::unique_ptr<Drafter> drafter_;  // null: no guesses
  DraftLength draft_length_;
  std::vector<std::shared_ptr<SamplerWorkspace>> workspaces_;  // one for each thread
  SeqId next_id_ = 1;
  bool busy_ = false;   // callbacks may be running: nothing is swept away under their feet
  EngineStats counts_;  // those that only grow
};

}  // namespace dure
