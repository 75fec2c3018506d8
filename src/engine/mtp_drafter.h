#pragma once

#include "engine/drafter.h"
#include "models/model.h"

namespace dure {

/// The model's own layer for multi-token prediction (DeepSeek-V3, section 2.2). It follows every row, since it attends
/// to what it kept of earlier ones; its plane is one more layer of the cache. For more than one token it goes on with
/// its own hidden states, as DeepSeek's inference code does.
///
/// What it keeps of a row follows from the token after it. A block that a sequence found in the cache may have a last
/// row that went with another token; and a row may be missing where drafting was turned off. Both cost a guess at most.
class MtpDrafter : public Drafter {
 public:
  MtpDrafter(Model& model, Device& device, KVCache& cache) : model_(model), device_(device), cache_(cache) {}
  void follow(const KeptBatch& batch) override;

 private:
  Model& model_;
  Device& device_;
  KVCache& cache_;
};

}  // namespace dure
