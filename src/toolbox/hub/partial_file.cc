#include "toolbox/hub/partial_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "base/error.h"
#include "toolbox/hub/cache.h"

namespace dure {

PartialFile::PartialFile(std::filesystem::path path, const HubFile& file)
    : path_(std::move(path)), file_(file), digest_(file.digest, file.size) {
  fd_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
  if (fd_ < 0) fail_to_write(path_, errno);
}

PartialFile::~PartialFile() { ::close(fd_); }

void PartialFile::read_back(const std::function<void()>& step) {
  struct stat status {};
  require(::fstat(fd_, &status) == 0 && S_ISREG(status.st_mode), "{}: expected a file", path_.string());
  if (status.st_size > file_.size) restart();
  std::vector<char> buffer(1 << 20);
  while (!is_whole()) {
    const ssize_t n = ::pread(fd_, buffer.data(), buffer.size(), size_);
    if (n < 0 && errno == EINTR) continue;
    require(n >= 0, "{}: {}", path_.string(), std::strerror(errno));
    if (n == 0) return;
    digest_.update({buffer.data(), static_cast<size_t>(n)});
    size_ += n;
    step();
  }
}

void PartialFile::append(std::string_view bytes) {
  require(static_cast<int64_t>(bytes.size()) <= file_.size - size_, "{}: the server sends more than {} bytes",
          file_.path, file_.size);
  while (!bytes.empty()) {
    const ssize_t n = ::pwrite(fd_, bytes.data(), bytes.size(), size_);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail_to_write(path_, errno);
    digest_.update(bytes.substr(0, static_cast<size_t>(n)));
    size_ += n;
    bytes.remove_prefix(static_cast<size_t>(n));
  }
}

void PartialFile::restart() {
  if (::ftruncate(fd_, 0) != 0) fail_to_write(path_, errno);
  digest_ = ContentDigest(file_.digest, file_.size);
  size_ = 0;
}

bool PartialFile::finish(const std::filesystem::path& blob) {
  if (!digest_.matches()) return false;
  if (::fsync(fd_) != 0 || ::rename(path_.c_str(), blob.c_str()) != 0) fail_to_write(blob, errno);
  return true;
}

}  // namespace dure
