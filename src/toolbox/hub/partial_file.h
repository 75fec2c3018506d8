#pragma once

#include <filesystem>
#include <functional>
#include <string_view>

#include "toolbox/hub/api.h"
#include "toolbox/hub/digest.h"

namespace dure {

/// A content on its way into the cache: what has arrived of it, on disk and digested so far. It stays when this goes,
/// however the program ends, so that another run goes on there.
class PartialFile {
 public:
  /// Opens or makes the file. What it holds counts only after read_back().
  PartialFile(std::filesystem::path path, const HubFile& file);
  ~PartialFile();
  PartialFile(const PartialFile&) = delete;
  PartialFile& operator=(const PartialFile&) = delete;

  int64_t size() const { return size_; }
  bool is_whole() const { return size_ == file_.size; }

  /// Digests what an earlier run has left; more than the content has is thrown away. `step` sees size() as it grows.
  void read_back(const std::function<void()>& step);
  /// Throws Error if the disk does not take it, or if it is more than the content has.
  void append(std::string_view bytes);
  /// Forgets everything.
  void restart();
  /// Makes the whole content durable under its final name; false, and nothing done, if its digest is not the right one.
  bool finish(const std::filesystem::path& blob);

 private:
  std::filesystem::path path_;
  const HubFile& file_;
  ContentDigest digest_;
  int fd_ = -1;
  int64_t size_ = 0;
};

}  // namespace dure
