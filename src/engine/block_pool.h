#pragma once

#include <list>
#include <optional>
#include <vector>

namespace dure {

/// Who holds the blocks of the KV cache: how many sequences each, and which to give away next. Blocks that nobody holds
/// are free, or idle: kept for what their rows are worth until somebody needs them, those left longest ago first.
class BlockPool {
 public:
  explicit BlockPool(int blocks);
  BlockPool(const BlockPool&) = delete;
  BlockPool& operator=(const BlockPool&) = delete;

  /// A block with one holder, idle ones only if none is free; its rows are anybody's. None if all are held.
  std::optional<int> take();
  void hold(int block);
  /// One holder less. The last one says whether the block is worth keeping.
  void release(int block, bool keep);

  int holders(int block) const { return holders_[static_cast<size_t>(block)]; }
  int size() const { return static_cast<int>(holders_.size()); }
  int available() const { return static_cast<int>(free_.size() + idle_.size()); }  ///< take() can give so many
  int idle() const { return static_cast<int>(idle_.size()); }

 private:
  std::vector<int> holders_;
  std::vector<int> free_;                         // the next one last
  std::list<int> idle_;                           // left longest ago first
  std::vector<std::list<int>::iterator> places_;  // of each block in idle_, else its end
};

}  // namespace dure
