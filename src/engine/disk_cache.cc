#include "engine/disk_cache.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>

#include "base/error.h"
#include "base/file.h"

namespace dure {
namespace fs = std::filesystem;
namespace {

constexpr int64_t kMaxWaiting = int64_t{128} << 20;  // bytes of payload that wait for the disk
constexpr int64_t kOldSeconds = 3600;                // a temporary file that old has no writer any more
constexpr std::string_view kTemporary = ".dure-kv-";

/// All of them, or false.
bool write_all(int fd, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    bytes = bytes.subspan(static_cast<size_t>(n));
  }
  return true;
}

}  // namespace

DiskCache::DiskCache(fs::path folder, int64_t max_bytes) : folder_(std::move(folder)), max_bytes_(max_bytes) {
  std::error_code ignored;
  fs::create_directories(folder_, ignored);
  list_folder();
  evict();
  writer_ = std::thread([this] { write_jobs(); });
}

DiskCache::~DiskCache() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  writer_.join();
}

std::optional<DiskCache::Place> DiskCache::locate(const DiskName& name) const {
  const auto it = by_tokens_.find(name.tokens);
  if (it == by_tokens_.end()) return std::nullopt;
  const auto place = std::ranges::find_if(it->second, [&](Place p) { return p->name == name; });
  if (place == it->second.end()) return std::nullopt;
  return *place;
}

void DiskCache::remember(const DiskName& name, int64_t bytes) {
  if (const auto known = locate(name)) forget(*known);
  by_tokens_[name.tokens].push_back(files_.insert(files_.end(), {name, bytes}));
  bytes_ += bytes;
}

void DiskCache::forget(Place place) {
  const auto it = by_tokens_.find(place->name.tokens);
  std::erase(it->second, place);
  if (it->second.empty()) by_tokens_.erase(it);
  bytes_ -= place->bytes;
  files_.erase(place);
}

std::vector<RowKinds> DiskCache::find(const BlockKey& tokens, int rows) const {
  const std::lock_guard lock(mutex_);
  std::vector<RowKinds> kinds;
  const auto it = by_tokens_.find(tokens);
  if (it == by_tokens_.end()) return kinds;
  for (const Place p : it->second)
    if (p->name.rows == rows) kinds.push_back(p->name.kinds);
  return kinds;
}

bool DiskCache::wanted(const DiskName& name, int64_t payload_bytes) const {
  if (payload_bytes > max_bytes_ || (!jobs_.empty() && job_bytes_ + payload_bytes > kMaxWaiting)) return false;
  return !locate(name) && std::ranges::none_of(jobs_, [&](const Job& job) { return job.name == name; });
}

bool DiskCache::wants(const DiskName& name, int64_t payload_bytes) const {
  const std::lock_guard lock(mutex_);
  return wanted(name, payload_bytes);
}

int64_t DiskCache::bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

std::optional<std::vector<std::byte>> DiskCache::load(const DiskName& name, int64_t payload_bytes) {
  const fs::path file = path(name);
  try {
    const std::string bytes = read_file(file, static_cast<size_t>(payload_bytes) + kDiskHeaderBytes);
    const auto payload = read_record(name, std::as_bytes(std::span(bytes)));
    if (payload && static_cast<int64_t>(payload->size()) == payload_bytes) {
      ::utimensat(AT_FDCWD, file.c_str(), nullptr, 0);  // for the order after a restart
      const std::lock_guard lock(mutex_);
      if (const auto place = locate(name)) files_.splice(files_.end(), files_, *place);
      return std::vector(payload->begin(), payload->end());
    }
  } catch (const std::exception&) {  // not there, not readable, too large, or no memory for it
  }
  const std::lock_guard lock(mutex_);
  if (const auto place = locate(name)) {
    std::error_code ignored;
    fs::remove(file, ignored);
    forget(*place);
  }
  return std::nullopt;
}

void DiskCache::store(const DiskName& name, std::vector<std::byte> payload) {
  {
    const std::lock_guard lock(mutex_);
    const auto bytes = static_cast<int64_t>(payload.size());
    if (!wanted(name, bytes)) return;
    job_bytes_ += bytes;
    jobs_.push_back({name, std::move(payload)});
  }
  changed_.notify_all();
}

void DiskCache::flush() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return jobs_.empty(); });
}

void DiskCache::write_jobs() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return stopping_ || !jobs_.empty(); });
    if (jobs_.empty()) return;
    const Job& job = jobs_.front();  // others are only added behind it
    lock.unlock();
    try {
      write(job);
    } catch (const std::exception&) {  // no memory: a block less
    }
    lock.lock();
    job_bytes_ -= static_cast<int64_t>(job.payload.size());
    jobs_.pop_front();
    changed_.notify_all();
  }
}

void DiskCache::write(const Job& job) {
  const fs::path file = path(job.name);
  if (!write_file(job, file)) return;
  const auto bytes = static_cast<int64_t>(job.payload.size() + kDiskHeaderBytes);
  bool look;
  {
    const std::lock_guard lock(mutex_);
    remember(job.name, bytes);
    written_ += bytes;
    look = bytes_ > max_bytes_ || written_ > max_bytes_ / 8;
  }
  if (!look) return;
  list_folder();
  evict();
}

/// No fsync: a file that a power cut leaves incomplete has a wrong checksum, and that is all it may cost.
bool DiskCache::write_file(const Job& job, const fs::path& file) const {
  const fs::path temporary = folder_ / fmt::format("{}{}-{}", kTemporary, ::getpid(), static_cast<const void*>(this));
  const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return false;
  const bool written = write_all(fd, disk_header(job.name, job.payload)) && write_all(fd, job.payload);
  const bool closed = ::close(fd) == 0;
  if (written && closed && ::rename(temporary.c_str(), file.c_str()) == 0) return true;
  ::unlink(temporary.c_str());
  return false;
}

/// What the folder holds now, in the order of last use.
void DiskCache::list_folder() {
  struct Found {
    File file;
    timespec used;
  };
  std::vector<Found> found;
  std::error_code error;
  for (fs::directory_iterator it(folder_, error), end; !error && it != end; it.increment(error)) {
    struct stat status {};
    const std::string name = it->path().filename().string();
    const auto parsed = DiskName::parse(name);
    if (!parsed && !name.starts_with(kTemporary)) continue;  // not ours
    if (::lstat(it->path().c_str(), &status) != 0 || !S_ISREG(status.st_mode)) continue;
    if (parsed) {
      found.push_back({{*parsed, static_cast<int64_t>(status.st_size)}, status.st_mtim});
    } else if (std::time(nullptr) - status.st_mtim.tv_sec > kOldSeconds) {
      ::unlink(it->path().c_str());
    }
  }
  std::ranges::stable_sort(found, [](const Found& a, const Found& b) {
    return std::pair(a.used.tv_sec, a.used.tv_nsec) < std::pair(b.used.tv_sec, b.used.tv_nsec);
  });
  const std::lock_guard lock(mutex_);
  files_.clear();
  by_tokens_.clear();
  bytes_ = written_ = 0;
  for (const Found& f : found) remember(f.file.name, f.file.bytes);
}

/// Down to nine tenths, so that the folder is not looked at for every file.
void DiskCache::evict() {
  const std::lock_guard lock(mutex_);
  if (bytes_ <= max_bytes_) return;
  while (!files_.empty() && bytes_ > max_bytes_ / 10 * 9) {
    ::unlink(path(files_.front().name).c_str());
    forget(files_.begin());
  }
}

}  // namespace dure
