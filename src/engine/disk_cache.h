#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <list>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_map>
#include <vector>

#include "engine/disk_record.h"

namespace dure {

/// Blocks of the KV cache in files of one folder, so that a conversation goes on after a restart. One thread writes,
/// whoever calls reads. Files are written aside and renamed, never changed, and believed only if their checksum is
/// right, so that a killed process, a full disk or foreign files do no harm: whatever goes wrong is a miss. Several
/// processes may share a folder; each finds the files of the others when it looks at the folder anew, as it does after
/// writing an eighth of `max_bytes`, and lets go of those that were used longest ago when there are too many.
class DiskCache {
 public:
  /// Makes the folder if need be, and lists it. `max_bytes` of files.
  DiskCache(std::filesystem::path folder, int64_t max_bytes);
  ~DiskCache();  ///< what waits is written
  DiskCache(const DiskCache&) = delete;
  DiskCache& operator=(const DiskCache&) = delete;

  /// The kinds of rows under which blocks of these tokens are there, as far as is known.
  std::vector<RowKinds> find(const BlockKey& tokens, int rows) const;
  /// Whether store() would take it: it is neither there nor on its way, and not too much waits.
  bool wants(const DiskName& name, int64_t payload_bytes) const;
  /// The payload. None, and the file is forgotten, if it is not there, not of `payload_bytes` or not as it was written.
  std::optional<std::vector<std::byte>> load(const DiskName& name, int64_t payload_bytes);
  /// Has it written soon, if it is wanted. Never waits for the disk.
  void store(const DiskName& name, std::vector<std::byte> payload);
  /// Waits until all that was stored so far is written or dropped.
  void flush();

  int64_t bytes() const;  ///< in files that are known

 private:
  struct File {
    DiskName name;
    int64_t bytes;
  };
  using Place = std::list<File>::iterator;
  struct Job {
    DiskName name;
    std::vector<std::byte> payload;
  };

  std::filesystem::path path(const DiskName& name) const { return folder_ / name.file(); }
  bool wanted(const DiskName& name, int64_t payload_bytes) const;
  std::optional<Place> locate(const DiskName& name) const;
  void remember(const DiskName& name, int64_t bytes);
  void forget(Place place);
  void write_jobs();
  void write(const Job& job);
  bool write_file(const Job& job, const std::filesystem::path& file) const;
  void list_folder();
  void evict();

  const std::filesystem::path folder_;
  const int64_t max_bytes_;

  mutable std::mutex mutex_;  // all below
  std::condition_variable changed_;
  std::list<File> files_;  // used longest ago first
  std::unordered_map<BlockKey, std::vector<Place>, BlockKeyHash> by_tokens_;
  int64_t bytes_ = 0, written_ = 0;  // written_: since the folder was listed
  std::deque<Job> jobs_;             // the first is being written
  int64_t job_bytes_ = 0;
  bool stopping_ = false;
  std::thread writer_;  // the last member: it uses the others
};

}  // namespace dure
