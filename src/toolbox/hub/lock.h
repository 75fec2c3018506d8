#pragma once

#include <filesystem>

namespace dure {

/// The lock (flock) of a file that several programs take while they fetch one thing; given back when this goes, and by
/// the system when the program ends in any way. The file itself stays.
class FileLock {
 public:
  FileLock() = default;
  ~FileLock();
  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&& other) noexcept;

  /// False if somebody else holds it. A file system without locks counts as one where nobody else is.
  /// Throws Error if the lock file cannot be made.
  bool try_take(const std::filesystem::path& path);

 private:
  int fd_ = -1;
};

}  // namespace dure
