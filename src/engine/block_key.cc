#include "engine/block_key.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <vector>

namespace dure {
namespace {

BlockKey cut(const Sha256& hash) {
  const Sha256::Digest digest = hash.digest();
  BlockKey key;
  std::copy_n(digest.begin(), key.bytes.size(), key.bytes.begin());
  return key;
}

/// The same bytes on every machine.
void add_number(Sha256& hash, uint64_t value, int bytes) {
  uint8_t little[8];
  for (int i = 0; i < bytes; ++i) little[i] = static_cast<uint8_t>(value >> (8 * i));
  hash.update(std::as_bytes(std::span(little, static_cast<size_t>(bytes))));
}

}  // namespace

std::string BlockKey::hex() const { return fmt::format("{:02x}", fmt::join(bytes, "")); }

RowKinds::RowKinds(std::span<const RowKind> kinds) {
  for (size_t i = 0; i < kinds.size(); ++i) words_[i / 64] |= uint64_t{kinds[i] == RowKind::sampled} << (i % 64);
}

bool RowKinds::before(const RowKinds& other) const {
  for (size_t i = 0; i < words_.size(); ++i)
    if (const uint64_t differ = words_[i] ^ other.words_[i]) return !(words_[i] >> std::countr_zero(differ) & 1);
  return false;
}

BlockKey root_key(std::string_view fingerprint, int adapter) {
  Sha256 hash;
  hash.update("dure kv root\n");
  add_number(hash, static_cast<uint64_t>(adapter), 8);
  hash.update(fingerprint);
  return cut(hash);
}

TokenHash::TokenHash(const BlockKey& parent) { hash_.update(std::as_bytes(std::span(parent.bytes))); }

void TokenHash::add(std::span<const int> tokens) {
  for (const int id : tokens) add_number(hash_, static_cast<uint32_t>(id), 4);
}

BlockKey TokenHash::key() const { return cut(hash_); }

BlockKey token_key(const BlockKey& parent, std::span<const int> tokens) {
  TokenHash hash(parent);
  hash.add(tokens);
  return hash.key();
}

BlockKey block_key(const BlockKey& token_key, const RowKinds& kinds) {
  Sha256 hash;
  hash.update(std::as_bytes(std::span(token_key.bytes)));
  for (const uint64_t word : kinds.words()) add_number(hash, word, 8);
  return cut(hash);
}

}  // namespace dure
