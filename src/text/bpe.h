#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/tokenizer_spec.h"
#include "text/word_cache.h"

namespace dure {

/// Byte-pair encoding of one piece of text: starts from characters (or bytes) and merges the neighbours of lowest rank,
/// leftmost first, until no merge applies. Time is O(n log n) in the length of the piece. Thread-safe.
class Bpe {
 public:
  /// `bytes`: pieces are raw bytes and the vocabulary is written in the byte-level alphabet (text/byte_level.h).
  /// Throws Error if a byte's token is missing where it would be needed.
  Bpe(const TokenizerSpec& spec, bool bytes);
  ~Bpe();
  Bpe(Bpe&&) noexcept;

  /// Appends the ids of `piece` to `out`. A character without token becomes byte tokens or unk, or is dropped if the
  /// vocabulary has neither, as Hugging Face does.
  void encode(std::string_view piece, std::vector<int>& out) const;

 private:
  struct Rule {
    uint64_t pair = kNoPair;
    int rank = 0, result = 0;
  };
  static constexpr uint64_t kNoPair = ~uint64_t{0};

  const Rule* find_rule(int left, int right) const;
  void append_symbols(std::string_view piece, std::vector<int>& out) const;
  void merge(std::vector<int>& symbols) const;

  bool bytes_, ignore_merges_, byte_fallback_, fuse_unk_;
  int unk_id_;
  std::vector<std::string> texts_;                 // what keys of ids_ point into
  std::unordered_map<std::string_view, int> ids_;  // text (bytes_: raw bytes) -> id
  std::array<int, 256> byte_ids_;                  // id of one byte: its own token, or "<0xAB>"; -1 none
  std::vector<Rule> rules_;                        // open addressing, a power of two of slots
  std::unique_ptr<WordCache> cache_;
};

}  // namespace dure
