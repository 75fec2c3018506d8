#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/file.h"

namespace dure {

/// Which tokenizer made the ids: SHA-256 of its tokenizer.json.
using TokenizerHash = std::array<uint8_t, 32>;

/// Tokenized documents in one file, which is mapped, not read. Format: docs/data.md. Immutable.
class TokenShard {
 public:
  /// Throws Error unless the file is a whole shard: sizes, checksum and every id are checked.
  static TokenShard open(const std::filesystem::path& path);
  /// The same from bytes, which must outlive the shard. `name` stands in errors.
  static TokenShard parse(std::span<const std::byte> bytes, const std::string& name);

  int64_t documents() const { return documents_; }
  int64_t tokens() const { return tokens_; }
  int vocab_size() const { return vocab_size_; }
  const TokenizerHash& tokenizer() const { return tokenizer_; }

  /// First token of a document; that of the one after the last is tokens(). REQUIRES: 0 <= document <= documents().
  int64_t begin(int64_t document) const;
  /// REQUIRES: 0 <= i < tokens().
  int token(int64_t i) const;
  /// Whether a model should learn to say token i: always, in shards without a mask.
  bool learned(int64_t i) const;

 private:
  std::shared_ptr<const MappedFile> file_;
  std::span<const std::byte> ends_, ids_, mask_;
  int64_t documents_ = 0, tokens_ = 0;
  int vocab_size_ = 0, token_bytes_ = 2;
  TokenizerHash tokenizer_{};
};

/// A document on its way into a shard.
struct TokenizedDocument {
  std::vector<int> ids;
  std::vector<bool> learned;  ///< by id; empty: all are
};

/// Writes a shard atomically: 2 bytes a token if the vocabulary allows it, else 4.
/// REQUIRES: no document is empty; ids are in [0, vocab_size).
void write_token_shard(const std::filesystem::path& path, std::span<const TokenizedDocument> documents, int vocab_size,
                       const TokenizerHash& tokenizer);

}  // namespace dure
