#include "base/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "base/error.h"

namespace dure {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

size_t regular_size(const Descriptor& file, const std::string& path) {
  struct stat status {};
  require(file.get() >= 0, "{}: {}", path, std::strerror(errno));
  require(::fstat(file.get(), &status) == 0, "{}: {}", path, std::strerror(errno));
  require(S_ISREG(status.st_mode), "{}: expected a file", path);
  return static_cast<size_t>(status.st_size);
}

}  // namespace

std::shared_ptr<const MappedFile> MappedFile::open(const std::filesystem::path& path) {
  // O_NONBLOCK: opening a pipe by mistake must not hang.
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  const size_t size = regular_size(file, path.string());
  void* data = nullptr;
  if (size > 0) {
    data = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
    require(data != MAP_FAILED, "{}: cannot map: {}", path.string(), std::strerror(errno));
  }
  return std::shared_ptr<const MappedFile>(new MappedFile(path.string(), static_cast<const std::byte*>(data), size));
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
}

namespace {

/// Advice about the pages that lie wholly (release) or partly (prefetch) in `bytes`.
void advise(std::span<const std::byte> bytes, bool whole, int advice) {
  const uintptr_t page = static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE));
  const uintptr_t begin = reinterpret_cast<uintptr_t>(bytes.data()), end = begin + bytes.size();
  const uintptr_t first = (whole ? begin + page - 1 : begin) / page * page, last = end / page * page;
  if (first < last) ::madvise(reinterpret_cast<void*>(first), last - first, advice);
}

}  // namespace

void prefetch_pages(std::span<const std::byte> bytes) { advise(bytes, false, MADV_WILLNEED); }
void release_pages(std::span<const std::byte> bytes) { advise(bytes, true, MADV_DONTNEED); }

std::string read_file(const std::filesystem::path& path, size_t max_bytes) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  const size_t size = regular_size(file, path.string());
  require(size <= max_bytes, "{}: {} bytes, expected at most {}", path.string(), size, max_bytes);
  std::string text(size, '\0');
  size_t done = 0;
  while (done < size) {
    const ssize_t n = ::read(file.get(), text.data() + done, size - done);
    if (n < 0 && errno == EINTR) continue;
    require(n >= 0, "{}: {}", path.string(), std::strerror(errno));
    if (n == 0) break;  // it shrank while we read
    done += static_cast<size_t>(n);
  }
  text.resize(done);
  return text;
}

void write_file_atomically(const std::filesystem::path& path, const std::function<void(std::ostream&)>& write) {
  const std::filesystem::path temporary = path.string() + fmt::format(".tmp{}", ::getpid());
  try {
    std::ofstream out(temporary, std::ios::binary | std::ios::trunc);
    require(out.is_open(), "{}: {}", temporary.string(), std::strerror(errno));
    write(out);
    out.close();
    require(out.good(), "{}: cannot write: {}", temporary.string(), std::strerror(errno));
    const Descriptor file(::open(temporary.c_str(), O_RDONLY | O_CLOEXEC));
    require(file.get() >= 0 && ::fsync(file.get()) == 0, "{}: {}", temporary.string(), std::strerror(errno));
    require(::rename(temporary.c_str(), path.c_str()) == 0, "{}: {}", path.string(), std::strerror(errno));
  } catch (...) {
    ::unlink(temporary.c_str());
    throw;
  }
}

}  // namespace dure
