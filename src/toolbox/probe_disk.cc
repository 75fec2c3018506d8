#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>

#include "base/error.h"
#include "toolbox/probe.h"

namespace dure {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kBlock = 4 << 20, kMost = int64_t{512} << 20;
constexpr int64_t kEnough = 32 << 20;  // of a file, to measure with it
constexpr int64_t kMade = 128 << 20;   // of a file that is made for it
constexpr double kSeconds = 1;         // at most

class OpenFile {
 public:
  explicit OpenFile(int fd) : fd_(fd) {}
  ~OpenFile() {
    if (fd_ >= 0) ::close(fd_);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  int fd() const { return fd_; }

 private:
  int fd_;
};

struct AlignedBlock {
  AlignedBlock() : data(std::aligned_alloc(4096, kBlock)) {
    require(data != nullptr, "out of memory: {} bytes to measure the disk's speed", kBlock);
    std::memset(data, 1, kBlock);
  }
  ~AlignedBlock() { std::free(data); }
  AlignedBlock(const AlignedBlock&) = delete;
  AlignedBlock& operator=(const AlignedBlock&) = delete;
  void* data;
};

/// The largest regular file of a folder, or nothing if none is large enough.
fs::path largest_file(const fs::path& folder) {
  fs::path best;
  uintmax_t most = kEnough - 1;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    std::error_code gone;
    if (!entry.is_regular_file(gone)) continue;
    const uintmax_t size = entry.file_size(gone);
    if (gone || size <= most) continue;
    best = entry.path();
    most = size;
  }
  return best;
}

/// A file without a name, which goes when it is closed.
int make_file(const fs::path& folder, void* block) {
  std::string name = (folder / ".dure-disk-XXXXXX").string();
  const int fd = ::mkstemp(name.data());
  require(fd >= 0, "{}: cannot make a file to measure the disk's speed: {}", folder.string(), std::strerror(errno));
  ::unlink(name.c_str());
  bool written = true;
  for (int64_t at = 0; at < kMade && written; at += kBlock) written = ::write(fd, block, kBlock) == kBlock;
  if (!written || ::fdatasync(fd) != 0) {
    ::close(fd);
    fail("{}: cannot write a file of {} bytes to measure the disk's speed", folder.string(), kMade);
  }
  return fd;
}

}  // namespace

DiskRate measure_disk(const fs::path& path) {
  using Clock = std::chrono::steady_clock;
  const AlignedBlock block;
  std::error_code error;
  const fs::path found = fs::is_directory(path, error) ? largest_file(path) : path;
  DiskRate rate;
  rate.what = (found.empty() ? path : found).string();
  const OpenFile file(found.empty() ? make_file(path, block.data) : ::open(found.c_str(), O_RDONLY | O_CLOEXEC));
  require(file.fd() >= 0, "{}: cannot open: {}", rate.what, std::strerror(errno));

  // Not every file system can read past the cache; then pages of the cache are let go of, as far as nobody holds them.
  const auto aside = [&](bool on) { return ::fcntl(file.fd(), F_SETFL, on ? O_DIRECT : 0) == 0; };
  rate.direct = aside(true) && ::pread(file.fd(), block.data, kBlock, 0) > 0;
  if (!rate.direct) {
    aside(false);
    ::posix_fadvise(file.fd(), 0, 0, POSIX_FADV_DONTNEED);
  }
  const Clock::time_point start = Clock::now();
  double seconds = 0;
  while (rate.bytes < kMost && seconds < kSeconds) {
    const ssize_t got = ::pread(file.fd(), block.data, kBlock, rate.bytes);
    require(got >= 0, "{}: cannot read: {}", rate.what, std::strerror(errno));
    rate.bytes += got;
    seconds = std::chrono::duration<double>(Clock::now() - start).count();
    if (got < kBlock) break;
  }
  require(rate.bytes > 0, "{}: nothing to read", rate.what);
  rate.bytes_per_second = static_cast<double>(rate.bytes) / seconds;
  return rate;
}

}  // namespace dure
