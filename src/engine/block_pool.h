#pragma once

#include <list>
#include <optional>
#include <vector>

namespace dure {

/// The pages of the KV cache: free ones, and those of finished sequences, kept with the tokens whose rows they hold.
class BlockPool {
 public:
  explicit BlockPool(int blocks);

  /// Pages that take() can give, letting go of what finished sequences left.
  int available() const;
  /// `count` pages; those left longest ago go first. REQUIRES: count <= available().
  std::vector<int> take(int count);
  void give_back(const std::vector<int>& pages);

  /// Keeps the pages of a finished sequence, of which `tokens` are computed.
  void park(std::vector<int> tokens, std::vector<int> pages);

  struct Parked {
    std::vector<int> tokens, pages;
  };
  /// Takes over the parked sequence that shares the longest beginning with `prompt`, at least `min_shared` tokens;
  /// its tokens are cut to what is shared.
  std::optional<Parked> reclaim(const std::vector<int>& prompt, int min_shared);

 private:
  std::vector<int> free_;
  std::list<Parked> parked_;  // oldest first
};

}  // namespace dure
