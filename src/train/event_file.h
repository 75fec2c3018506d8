#pragma once

#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace dure {

/// Curves for TensorBoard: a file of records, each with its length and CRC-32C sums, that hold an Event message in
/// Protocol Buffers' encoding. Only the fields of scalars are written: Event.wall_time (1), step (2), file_version (3),
/// summary (5); Summary.value (1); Value.tag (1), simple_value (2).
class EventFile {
 public:
  /// Begins a new file. Throws Error if it cannot be written.
  explicit EventFile(const std::filesystem::path& path);

  /// One point of each curve. `wall_time` in seconds since 1970. Throws Error if it cannot be written.
  void append(double wall_time, int64_t step, std::span<const std::pair<std::string_view, double>> values);

 private:
  void write(std::string_view event);

  std::string path_;
  std::ofstream out_;
};

/// CRC-32C (Castagnoli, reflected polynomial 0x82F63B78), as it is, without the records' mask.
uint32_t crc32c(std::string_view bytes);

}  // namespace dure
