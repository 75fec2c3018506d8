#include "engine/disk_record.h"

#include <fmt/format.h>

#include <bit>
#include <charconv>
#include <cstring>

namespace dure {
namespace {

static_assert(std::endian::native == std::endian::little, "records are little-endian");

constexpr char kMagic[8] = {'d', 'u', 'r', 'e', 'K', 'V', '0', '1'};
constexpr size_t kChecksumAt = 56;

struct Header {
  char magic[8];
  uint8_t tokens[16];
  uint64_t kinds[2];
  uint32_t rows, zero;
  uint64_t payload_bytes, checksum;
};
static_assert(sizeof(Header) == kDiskHeaderBytes && offsetof(Header, checksum) == kChecksumAt);

uint64_t checksum_of(const std::byte* header, std::span<const std::byte> payload) {
  return checksum(payload, checksum({header, kChecksumAt}, 0));
}

/// Lower-case hexadecimal digits alone, all of them.
bool parse_hex(std::string_view text, uint64_t* value) {
  if (text.find_first_not_of("0123456789abcdef") != text.npos) return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *value, 16);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

std::string DiskName::file() const {
  return fmt::format("{}-{:016x}{:016x}-{}.kv", tokens.hex(), kinds.words()[1], kinds.words()[0], rows);
}

std::optional<DiskName> DiskName::parse(std::string_view file) {
  constexpr size_t kRowsAt = 66;
  if (file.size() < kRowsAt + 4 || file.size() > kRowsAt + 6 || file[32] != '-' || file[65] != '-' ||
      !file.ends_with(".kv"))
    return std::nullopt;
  DiskName name;
  for (size_t i = 0; i < 16; ++i) {
    uint64_t byte;
    if (!parse_hex(file.substr(2 * i, 2), &byte)) return std::nullopt;
    name.tokens.bytes[i] = static_cast<uint8_t>(byte);
  }
  std::array<uint64_t, 2> kinds;
  if (!parse_hex(file.substr(33, 16), &kinds[1]) || !parse_hex(file.substr(49, 16), &kinds[0])) return std::nullopt;
  name.kinds = RowKinds(kinds);
  const std::string_view rows = file.substr(kRowsAt, file.size() - kRowsAt - 3);
  const auto [end, error] = std::from_chars(rows.data(), rows.data() + rows.size(), name.rows);
  if (error != std::errc() || end != rows.data() + rows.size()) return std::nullopt;
  if (name.rows < 1 || name.rows > KVCache::kBlockSize || name.file() != file) return std::nullopt;
  return name;
}

uint64_t checksum(std::span<const std::byte> bytes, uint64_t seed) {
  constexpr uint64_t kOdd = 0x9e3779b97f4a7c15;  // 2^64 / golden ratio
  uint64_t lanes[4] = {seed, seed + 1, seed + 2, seed + 3};
  const auto mix = [](uint64_t lane, uint64_t word) { return std::rotl((lane ^ word) * kOdd, 29); };
  for (size_t i = 0; i < bytes.size(); i += 32) {
    uint64_t words[4] = {};
    std::memcpy(words, bytes.data() + i, std::min<size_t>(32, bytes.size() - i));
    for (int lane = 0; lane < 4; ++lane) lanes[lane] = mix(lanes[lane], words[lane]);
  }
  uint64_t sum = bytes.size();
  for (const uint64_t lane : lanes) sum = mix(sum, lane);
  return mix(sum, sum >> 32);
}

std::vector<std::byte> disk_header(const DiskName& name, std::span<const std::byte> payload) {
  Header h{};
  std::memcpy(h.magic, kMagic, sizeof kMagic);
  std::memcpy(h.tokens, name.tokens.bytes.data(), sizeof h.tokens);
  std::memcpy(h.kinds, name.kinds.words().data(), sizeof h.kinds);
  h.rows = static_cast<uint32_t>(name.rows);
  h.payload_bytes = payload.size();
  h.checksum = checksum_of(reinterpret_cast<const std::byte*>(&h), payload);
  std::vector<std::byte> bytes(kDiskHeaderBytes);
  std::memcpy(bytes.data(), &h, sizeof h);
  return bytes;
}

std::optional<std::span<const std::byte>> read_record(const DiskName& name, std::span<const std::byte> file) {
  if (file.size() < kDiskHeaderBytes) return std::nullopt;
  const std::span<const std::byte> payload = file.subspan(kDiskHeaderBytes);
  // A record is its name and its payload: whatever differs from what would have been written is no such record.
  const std::vector<std::byte> expected = disk_header(name, payload);
  if (std::memcmp(file.data(), expected.data(), kDiskHeaderBytes) != 0) return std::nullopt;
  return payload;
}

}  // namespace dure
