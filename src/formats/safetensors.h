#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <ostream>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/ordered_map.h"
#include "formats/checkpoint.h"

namespace dure {

/// One .safetensors file (docs/formats/safetensors.md), checked as a whole when it is opened: afterwards every tensor
/// is known to lie inside the file and to have the bytes of its dtype and shape.
class Safetensors {
 public:
  struct Entry {
    std::string dtype;  ///< as the file has it; may be one that load() refuses
    std::vector<int64_t> shape;
    std::span<const std::byte> data;
  };

  /// Throws Error if the file cannot be read or breaks a rule of the format.
  static Safetensors open(const std::filesystem::path& path);
  /// The same from memory; `owner` keeps the bytes alive and `source` names them in errors.
  static Safetensors parse(std::span<const std::byte> bytes, std::string source, std::shared_ptr<const void> owner);

  const std::string& source() const { return source_; }
  const OrderedMap<std::string, Entry>& entries() const { return entries_; }  ///< in the order of the header
  bool contains(std::string_view name) const { return entries_.count(name) > 0; }

  /// A tensor over the file's bytes, or over a copy of them where their address is not a multiple of the element size.
  /// REQUIRES: contains(name).
  /// Throws Error for a dtype that Dure does not compute with, or for more than 4 dimensions.
  Tensor load(std::string_view name, Device& device) const;

 private:
  std::string source_;
  std::shared_ptr<const void> owner_;
  OrderedMap<std::string, Entry> entries_;
};

/// A tensor of a file to be written, whose bytes are made when their turn comes.
struct SafetensorsItem {
  std::string name;
  DType dtype;
  Shape shape;
  std::function<void(std::ostream&)> write;  ///< exactly the bytes that dtype and shape take
};

/// Writes tensors in the order that the reference implementation uses (widest dtype first, then by name), so that every
/// one is aligned. The file appears whole or not at all.
/// REQUIRES: contiguous tensors of plain dtypes with distinct names.
/// Throws Error if the file cannot be written.
void write_safetensors(const std::filesystem::path& path, std::vector<std::pair<std::string, Tensor>> tensors);
/// The same for a file that is larger than memory.
void stream_safetensors(const std::filesystem::path& path, std::vector<SafetensorsItem> items);

}  // namespace dure
