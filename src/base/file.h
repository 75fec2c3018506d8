#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <ostream>
#include <span>
#include <string>
#include <string_view>

namespace dure {

/// A file mapped read-only into memory. Shared: tensors that lie in the file keep it mapped.
class MappedFile {
 public:
  /// Throws Error if the file cannot be opened, is not a regular file, or cannot be mapped.
  static std::shared_ptr<const MappedFile> open(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const std::byte> bytes() const { return {data_, size_}; }
  const std::string& path() const { return path_; }

 private:
  MappedFile(std::string path, const std::byte* data, size_t size) : path_(std::move(path)), data_(data), size_(size) {}

  std::string path_;
  const std::byte* data_;
  size_t size_;
};

/// Says that bytes of a mapped file will be read soon from one end to the other, or not again for long: they are
/// brought in ahead, or no longer count as memory of this program. Hints; nothing can go wrong. REQUIRES: bytes of a
/// MappedFile.
void prefetch_pages(std::span<const std::byte> bytes);
void release_pages(std::span<const std::byte> bytes);

/// Reads a whole text file. Throws Error if it cannot be read or is larger than max_bytes.
std::string read_file(const std::filesystem::path& path, size_t max_bytes = size_t{256} << 20);

/// Writes through a temporary file in the same folder, fsync, then rename: readers see the old file or the whole new
/// one.
void write_file_atomically(const std::filesystem::path& path, const std::function<void(std::ostream&)>& write);

}  // namespace dure
