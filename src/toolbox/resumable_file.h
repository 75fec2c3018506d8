#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dure {

/// A large file that is written part by part and takes its name only when it is whole. Until then it is NAME.partial,
/// with NAME.partial.journal beside it: the size and a hash of each part that is finished. Whoever writes the same file
/// again goes on after the last part whose bytes are still there, so a killed program or a full disk loses one part.
/// One writer at a time.
class ResumableFile {
 public:
  /// `identity`: everything that decides the content. What a partial file of another identity holds is discarded.
  /// Throws Error if another program is writing the file, or if it cannot be made.
  ResumableFile(std::filesystem::path path, std::string_view identity);
  /// Leaves a partial file only if it has a finished part.
  ~ResumableFile();
  ResumableFile(const ResumableFile&) = delete;
  ResumableFile& operator=(const ResumableFile&) = delete;

  size_t parts() const { return parts_; }   ///< finished, those of earlier runs included
  int64_t bytes() const { return bytes_; }  ///< of finished parts
  const std::filesystem::path& partial() const { return partial_; }

  /// Appends to the part that is being written. Throws Error that says how to go on if the disk is full.
  void append(std::span<const std::byte> bytes);
  void end_part();
  bool failed() const { return failed_; }  ///< append() or end_part() has thrown
  /// Nothing of this is worth keeping.
  void discard() { parts_ = 0; }
  /// The file is whole: it is brought to the disk and takes its name.
  void finish();

 private:
  struct Part;
  /// Of any bytes in any pieces, eight at a time: hashing costs little beside writing.
  class Hash {
   public:
    void add(std::span<const std::byte> bytes);
    uint64_t value() const;

   private:
    uint64_t value_ = 0, word_ = 0;  // the word that is being filled
    int filled_ = 0;
  };
  std::vector<Part> read_journal(std::string_view first_line) const;
  void open_partial();
  void keep_what_is_whole(std::string_view first_line);
  void write(int file, const void* data, size_t size);
  [[noreturn]] void fail_writing(int error);

  std::filesystem::path path_, partial_, journal_path_;
  int file_ = -1, journal_ = -1;
  size_t parts_ = 0;
  int64_t bytes_ = 0, part_bytes_ = 0;
  Hash hash_;
  bool failed_ = false;
};

}  // namespace dure
