#pragma once

#include <array>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace dure {

/// Remembers the ids of words already encoded. Any number of threads may use one; it is bounded, and forgets a whole
/// shard when that is full.
class WordCache {
 public:
  static constexpr size_t kMaxWordBytes = 64;

  /// Appends the ids of `word` to `out` if they are known.
  bool find(std::string_view word, std::vector<int>& out) {
    Shard& shard = shard_of(word);
    const std::lock_guard lock(shard.mutex);
    const auto it = shard.words.find(word);
    if (it == shard.words.end()) return false;
    out.insert(out.end(), it->second.begin(), it->second.end());
    return true;
  }

  void put(std::string_view word, std::vector<int> ids) {
    Shard& shard = shard_of(word);
    const std::lock_guard lock(shard.mutex);
    if (shard.words.size() >= kWordsPerShard) shard.words.clear();
    shard.words.emplace(word, std::move(ids));
  }

 private:
  static constexpr size_t kShards = 16, kWordsPerShard = 4096;

  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  struct alignas(64) Shard {
    std::mutex mutex;
    std::unordered_map<std::string, std::vector<int>, Hash, std::equal_to<>> words;
  };

  /// By length and ends, which is cheap and spreads enough for locks.
  Shard& shard_of(std::string_view word) {
    const auto byte = [&](size_t i) { return static_cast<unsigned char>(word[i]); };
    return shards_[(word.size() + byte(word.size() - 1) * 7 + byte(word.size() / 2) * 3) % kShards];
  }

  std::array<Shard, kShards> shards_;
};

}  // namespace dure
