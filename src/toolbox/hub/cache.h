#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace dure {

/// The folder that Hugging Face's tools share, laid out as theirs (huggingface_hub, file_download.py):
///
///     models--OWNER--NAME/blobs/DIGEST              the contents, each once
///                         blobs/DIGEST.incomplete   begun
///                         snapshots/COMMIT/PATH  -> ../../blobs/DIGEST
///                         refs/REVISION             holds the commit
///     .locks/models--OWNER--NAME/DIGEST.lock        held (flock) by whoever fetches that blob
///
/// Names from outside are checked where they enter (is_hub_id, is_safe_path, is_hex_digest); here they only become
/// paths.
class HubCache {
 public:
  explicit HubCache(std::filesystem::path root) : root_(std::move(root)) {}

  const std::filesystem::path& root() const { return root_; }
  std::filesystem::path model(const std::string& id) const;
  std::filesystem::path blob(const std::string& id, const std::string& digest) const;
  std::filesystem::path partial(const std::string& id, const std::string& digest) const;
  std::filesystem::path snapshot(const std::string& id, const std::string& commit) const;
  std::filesystem::path locks(const std::string& id) const;
  std::filesystem::path lock(const std::string& id, const std::string& digest) const;

  /// The commit that a revision stood for when it was fetched, if its snapshot is here. A revision may be a commit.
  std::optional<std::string> commit_of(const std::string& id, const std::string& revision) const;
  /// Notes that a revision stands for a commit; nothing to do if it is that commit.
  void write_ref(const std::string& id, const std::string& revision, const std::string& commit) const;
  /// Makes snapshots/COMMIT/PATH a relative link to the blob, at once or not at all.
  void link(const std::string& id, const std::string& commit, const std::string& path, const std::string& digest) const;
  /// Makes the folders of a model, and the tag that tells backups to leave the cache out.
  void make_folders(const std::string& id) const;

 private:
  std::filesystem::path root_;
};

/// Throws the Error of a write that failed: a full disk and a read-only folder each with what can be done.
/// `error` is an errno.
[[noreturn]] void fail_to_write(const std::filesystem::path& path, int error);

}  // namespace dure
