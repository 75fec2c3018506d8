#pragma once

#include <filesystem>
#include <memory>
#include <span>

namespace dure {

/// The bytes of a file from its beginning to its end, a piece at a time, so that no file needs to fit in memory.
class FileStream {
 public:
  virtual ~FileStream() = default;

  /// Fills `out` as far as there are bytes and returns how many that were; 0 at the end.
  /// Throws Error if the file cannot be read, or is no whole file of its compression.
  virtual size_t read(std::span<char> out) = 0;
};

/// Opens a file of text: as it is, or unpacked as its name says: .zst (Zstandard) or .xz.
/// Throws Error if there is no such file.
std::unique_ptr<FileStream> open_file_stream(const std::filesystem::path& path);

/// The name without .zst or .xz, which tells what is in the file.
std::filesystem::path without_compression(const std::filesystem::path& path);

}  // namespace dure
