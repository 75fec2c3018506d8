#include "train/data/token_shard.h"

#include <algorithm>
#include <bit>
#include <climits>
#include <cstring>
#include <ostream>

#include "base/error.h"
#include "engine/disk_record.h"

namespace dure {
namespace {

static_assert(std::endian::native == std::endian::little, "shards are little-endian");

constexpr char kMagic[8] = {'d', 'u', 'r', 'e', 'T', 'O', 'K', 'S'};
constexpr uint32_t kVersion = 1, kHasMask = 1;

struct Header {
  char magic[8];
  uint32_t version, flags, token_bytes, vocab_size;
  uint64_t documents, tokens, checksum;
  uint8_t tokenizer[32];
};
static_assert(sizeof(Header) == 80);

/// Sections are padded to 8 bytes.
size_t padded(size_t bytes) { return (bytes + 7) / 8 * 8; }

/// Over everything but itself.
uint64_t shard_checksum(Header header, std::span<const std::byte> payload) {
  header.checksum = 0;
  return checksum(payload, checksum(std::as_bytes(std::span(&header, 1)), 0));
}

template <class T>
T read_at(std::span<const std::byte> bytes, int64_t i) {
  T value;
  std::memcpy(&value, bytes.data() + static_cast<size_t>(i) * sizeof(T), sizeof(T));
  return value;
}

template <class T>
void append(std::vector<std::byte>& out, T value) {
  const size_t at = out.size();
  out.resize(at + sizeof(T));
  std::memcpy(out.data() + at, &value, sizeof(T));
}

}  // namespace

TokenShard TokenShard::parse(std::span<const std::byte> bytes, const std::string& name) {
  Header h;
  require(bytes.size() >= sizeof h, "{}: {} bytes are too few for a token shard", name, bytes.size());
  std::memcpy(&h, bytes.data(), sizeof h);
  require(std::memcmp(h.magic, kMagic, sizeof kMagic) == 0, "{}: not a token shard", name);
  require(h.version == kVersion, "{}: version {}, expected {}", name, h.version, kVersion);
  require((h.flags & ~kHasMask) == 0, "{}: unknown flags {:#x}", name, h.flags);
  require(h.token_bytes == 2 || h.token_bytes == 4, "{}: {} bytes a token, expected 2 or 4", name, h.token_bytes);
  require(h.vocab_size > 0 && h.vocab_size <= INT_MAX, "{}: a vocabulary of {}", name, h.vocab_size);

  const std::span<const std::byte> payload = bytes.subspan(sizeof h);
  require(h.documents <= payload.size() / 8 && h.tokens <= payload.size() / h.token_bytes,
          "{}: {} documents of {} tokens do not fit its {} bytes", name, h.documents, h.tokens, bytes.size());
  const size_t ends = h.documents * 8, ids = padded(h.tokens * h.token_bytes);
  const size_t mask = h.flags & kHasMask ? padded((h.tokens + 7) / 8) : 0;
  require(ends + ids + mask == payload.size(), "{}: {} bytes, expected {}", name, bytes.size(),
          sizeof h + ends + ids + mask);
  require(shard_checksum(h, payload) == h.checksum, "{}: the checksum does not match; the file is damaged", name);

  TokenShard shard;
  shard.documents_ = static_cast<int64_t>(h.documents);
  shard.tokens_ = static_cast<int64_t>(h.tokens);
  shard.vocab_size_ = static_cast<int>(h.vocab_size);
  shard.token_bytes_ = static_cast<int>(h.token_bytes);
  std::copy(std::begin(h.tokenizer), std::end(h.tokenizer), shard.tokenizer_.begin());
  shard.ends_ = payload.first(ends);
  shard.ids_ = payload.subspan(ends, ids);
  shard.mask_ = payload.subspan(ends + ids);
  uint64_t last = 0;
  for (int64_t d = 0; d < shard.documents_; ++d) {
    const uint64_t end = read_at<uint64_t>(shard.ends_, d);
    require(end > last && end <= h.tokens, "{}: document {} ends at token {}, expected {} to {}", name, d, end,
            last + 1, h.tokens);
    last = end;
  }
  require(last == h.tokens, "{}: {} tokens belong to no document", name, h.tokens - last);
  for (int64_t i = 0; i < shard.tokens_; ++i) {
    const uint32_t id = h.token_bytes == 2 ? read_at<uint16_t>(shard.ids_, i) : read_at<uint32_t>(shard.ids_, i);
    require(id < h.vocab_size, "{}: token {} is {}, expected less than {}", name, i, id, h.vocab_size);
  }
  return shard;
}

TokenShard TokenShard::open(const std::filesystem::path& path) {
  std::shared_ptr<const MappedFile> file = MappedFile::open(path);
  TokenShard shard = parse(file->bytes(), path.string());
  shard.file_ = std::move(file);
  return shard;
}

int64_t TokenShard::begin(int64_t document) const {
  return document == 0 ? 0 : static_cast<int64_t>(read_at<uint64_t>(ends_, document - 1));
}

int TokenShard::token(int64_t i) const {
  return token_bytes_ == 2 ? read_at<uint16_t>(ids_, i) : static_cast<int>(read_at<uint32_t>(ids_, i));
}

bool TokenShard::learned(int64_t i) const {
  return mask_.empty() || (static_cast<unsigned>(mask_[static_cast<size_t>(i / 8)]) >> (i % 8) & 1) != 0;
}

void write_token_shard(const std::filesystem::path& path, std::span<const TokenizedDocument> documents, int vocab_size,
                       const TokenizerHash& tokenizer) {
  Header h{};
  std::memcpy(h.magic, kMagic, sizeof kMagic);
  h.version = kVersion;
  h.token_bytes = vocab_size <= 1 << 16 ? 2 : 4;
  h.vocab_size = static_cast<uint32_t>(vocab_size);
  h.documents = documents.size();
  std::copy(tokenizer.begin(), tokenizer.end(), h.tokenizer);

  std::vector<std::byte> payload;
  for (const TokenizedDocument& document : documents) {
    h.tokens += document.ids.size();
    if (!document.learned.empty()) h.flags |= kHasMask;
    append(payload, h.tokens);
  }
  for (const TokenizedDocument& document : documents)
    for (const int id : document.ids)
      h.token_bytes == 2 ? append(payload, static_cast<uint16_t>(id)) : append(payload, static_cast<uint32_t>(id));
  payload.resize(padded(payload.size()));
  if (h.flags & kHasMask) {
    const size_t at = payload.size();
    payload.resize(at + padded((h.tokens + 7) / 8));
    size_t i = 0;
    for (const TokenizedDocument& document : documents)
      for (size_t k = 0; k < document.ids.size(); ++k, ++i)
        if (document.learned.empty() || document.learned[k])
          payload[at + i / 8] |= static_cast<std::byte>(1U << (i % 8));
  }
  h.checksum = shard_checksum(h, payload);
  write_file_atomically(path, [&](std::ostream& out) {
    out.write(reinterpret_cast<const char*>(&h), sizeof h);
    out.write(reinterpret_cast<const char*>(payload.data()), static_cast<std::streamsize>(payload.size()));
  });
}

}  // namespace dure
