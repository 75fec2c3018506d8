#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "engine/block_pool.h"
#include "engine/sequence.h"
#include "models/model.h"

namespace dure {

struct EngineOptions {
  int max_model_len = 0;             ///< tokens of a sequence, prompt and answer; 0: what the model was made for
  int64_t cache_bytes = 0;           ///< for the KV cache; 0: room for one sequence of max_model_len
  int max_num_batched_tokens = 512;  ///< rows of one step
  DType cache_dtype = DType::BF16;
};

/// Many sequences through one model: token ids in, token ids out. step() = schedule -> forward -> sample -> commit.
///
/// Decode rows of all running sequences and chunks of waiting prompts share a batch. A sequence starts when the cache
/// has room for all it may need, so that nobody is thrown out midway; others wait in line. The pages of finished
/// sequences stay until somebody needs them: a prompt that begins like one of them takes its pages over and computes
/// only the rest.
/// Not thread-safe.
class Engine {
 public:
  /// `model` and `device` outlive the engine. Throws Error if the cache cannot hold one page for each plane.
  Engine(Model& model, Device& device, const EngineOptions& options);

  /// Queues a request. Throws Error if the prompt is empty, has ids outside the vocabulary or leaves no room for an
  /// answer, or if a sampling parameter is out of range.
  SeqId add(Request request);
  /// One batch. Returns whether there is more to do. Errors of the model leave the engine as it was before the step.
  bool step();
  /// The sequence ends now, with FinishReason::cancelled; unknown ids are ignored. May be called from a callback.
  void cancel(SeqId id);

  int max_model_len() const { return max_model_len_; }
  int64_t cache_bytes() const;

 private:
  struct Scheduled {
    Sequence* sequence;
    int rows;  // tokens of it in this batch
  };
  void admit();
  std::vector<Scheduled> schedule() const;
  Batch make_batch(const std::vector<Scheduled>& scheduled) const;
  void commit(const std::vector<Scheduled>& scheduled, const Tensor& hidden);
  void finish(Sequence& s, FinishReason reason);
  int pages_for(int tokens) const;

  Model& model_;
  Device& device_;
  int max_model_len_, max_batch_;
  std::unique_ptr<KVCache> cache_;
  BlockPool pool_;
  std::shared_ptr<SamplerWorkspace> workspace_ = std::make_shared<SamplerWorkspace>();
  std::deque<std::unique_ptr<Sequence>> waiting_;
  std::vector<std::unique_ptr<Sequence>> running_;
  SeqId next_id_ = 1;
};

}  // namespace dure
