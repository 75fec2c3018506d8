#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/block_key.h"

namespace dure {

/// A block on disk: what its rows follow from. Also the name of its file.
struct DiskName {
  BlockKey tokens;  ///< token_key() of its tokens
  RowKinds kinds;
  int rows = 0;  ///< [1, kBlockSize]
  bool operator==(const DiskName&) const = default;

  /// 32 digits of the key, '-', 32 of the kinds, '-', rows, ".kv".
  std::string file() const;
  /// None if that is not such a name.
  static std::optional<DiskName> parse(std::string_view file);
};

/// A file of the disk tier (docs/engine.md): what was stored under which name, with a checksum over all of it.
constexpr size_t kDiskHeaderBytes = 64;
std::vector<std::byte> disk_header(const DiskName& name, std::span<const std::byte> payload);

/// The payload of a file's bytes; none if they are not a whole record of that name.
std::optional<std::span<const std::byte>> read_record(const DiskName& name, std::span<const std::byte> file);

/// A 64-bit checksum against accidents, not against malice: four lanes of 8 bytes each.
uint64_t checksum(std::span<const std::byte> bytes, uint64_t seed);

}  // namespace dure
