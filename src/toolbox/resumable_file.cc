#include "toolbox/resumable_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "base/error.h"
#include "base/file.h"

namespace dure {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxJournal = size_t{256} << 20;
constexpr size_t kBuffer = size_t{1} << 20;

/// The next state; every bit of the word counts (the step of MurmurHash3).
uint64_t mix(uint64_t h, uint64_t word) {
  word = std::rotl(word * 0x87c37b91114253d5, 31) * 0x4cf5ad432745937f;
  return std::rotl(h ^ word, 27) * 5 + 0x52dce729;
}

}  // namespace

void ResumableFile::Hash::add(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    if (filled_ == 0 && bytes.size() >= 8) {  // whole words where they lie
      uint64_t word;
      std::memcpy(&word, bytes.data(), 8);
      value_ = mix(value_, word);
      bytes = bytes.subspan(8);
      continue;
    }
    word_ |= static_cast<uint64_t>(bytes[0]) << (8 * filled_);
    bytes = bytes.subspan(1);
    if (++filled_ < 8) continue;
    value_ = mix(value_, word_);
    word_ = 0;
    filled_ = 0;
  }
}

uint64_t ResumableFile::Hash::value() const { return mix(value_, word_); }

struct ResumableFile::Part {
  int64_t bytes;
  uint64_t hash;
};

ResumableFile::ResumableFile(fs::path path, std::string_view identity)
    : path_(std::move(path)), partial_(path_.string() + ".partial"), journal_path_(partial_.string() + ".journal") {
  std::error_code ignored;
  require(!fs::is_directory(path_, ignored), "{}: is a folder, expected the name of a file", path_.string());
  open_partial();
  try {
    Hash hash;
    hash.add(std::as_bytes(std::span(identity)));
    keep_what_is_whole(fmt::format("dure {:016x}\n", hash.value()));
  } catch (...) {
    if (parts_ == 0) ::unlink(partial_.c_str());
    ::close(file_);
    throw;
  }
}

ResumableFile::~ResumableFile() {
  if (file_ < 0) return;
  if (parts_ == 0) {
    ::unlink(journal_path_.c_str());
    ::unlink(partial_.c_str());
  }
  ::close(journal_);
  ::close(file_);
}

void ResumableFile::open_partial() {
  for (;;) {
    file_ = ::open(partial_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    require(file_ >= 0, "{}: cannot write: {}", partial_.string(), std::strerror(errno));
    if (::flock(file_, LOCK_EX | LOCK_NB) != 0) {
      ::close(file_);
      fail("{}: another program is writing it", path_.string());
    }
    // The lock may be on a file that another writer has finished and renamed since it was opened.
    struct stat ours {
    }, named{};
    if (::fstat(file_, &ours) == 0 && ::stat(partial_.c_str(), &named) == 0 && ours.st_ino == named.st_ino) return;
    ::close(file_);
  }
}

std::vector<ResumableFile::Part> ResumableFile::read_journal(std::string_view first_line) const {
  std::error_code ignored;
  if (!fs::exists(journal_path_, ignored)) return {};
  const std::string text = read_file(journal_path_, kMaxJournal);
  if (!text.starts_with(first_line)) return {};
  std::vector<Part> parts;
  const char* const end = text.data() + text.size();
  for (const char* at = text.data() + first_line.size(); at < end;) {
    Part part{};
    const auto [space, bad_bytes] = std::from_chars(at, end, part.bytes);
    if (bad_bytes != std::errc() || space == end || *space != ' ') break;
    const auto [line_end, bad_hash] = std::from_chars(space + 1, end, part.hash, 16);
    if (bad_hash != std::errc() || line_end == end || *line_end != '\n' || part.bytes < 0) break;
    parts.push_back(part);
    at = line_end + 1;
  }
  return parts;
}

/// Reads what the journal promises; the first part that is not so and all after it are cut off.
void ResumableFile::keep_what_is_whole(std::string_view first_line) {
  std::vector<std::byte> buffer(kBuffer);
  std::string journal(first_line);
  for (const Part& part : read_journal(first_line)) {
    Hash hash;
    int64_t left = part.bytes;
    while (left > 0) {
      const size_t wanted = std::min<size_t>(kBuffer, static_cast<size_t>(left));
      size_t got = 0;
      while (got < wanted) {
        const ssize_t n =
            ::pread(file_, buffer.data() + got, wanted - got, bytes_ + part.bytes - left + static_cast<int64_t>(got));
        if (n <= 0) break;
        got += static_cast<size_t>(n);
      }
      if (got < wanted) break;
      hash.add(std::span(buffer).first(wanted));
      left -= static_cast<int64_t>(wanted);
    }
    if (left > 0 || hash.value() != part.hash) break;
    bytes_ += part.bytes;
    ++parts_;
    journal += fmt::format("{} {:016x}\n", part.bytes, part.hash);
  }
  require(::ftruncate(file_, bytes_) == 0 && ::lseek(file_, bytes_, SEEK_SET) == bytes_, "{}: {}", partial_.string(),
          std::strerror(errno));
  write_file_atomically(journal_path_, [&](std::ostream& out) { out << journal; });
  journal_ = ::open(journal_path_.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  require(journal_ >= 0, "{}: {}", journal_path_.string(), std::strerror(errno));
}

void ResumableFile::write(int file, const void* data, size_t size) {
  const char* at = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t n = ::write(file, at, size);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) fail_writing(n < 0 ? errno : EIO);
    at += n;
    size -= static_cast<size_t>(n);
  }
}

void ResumableFile::fail_writing(int error) {
  failed_ = true;
  if (parts_ == 0) fail("{}: cannot write: {}", path_.string(), std::strerror(error));
  fail("{}: cannot write: {}; the same command goes on with {}", path_.string(), std::strerror(error),
       partial_.string());
}

void ResumableFile::append(std::span<const std::byte> bytes) {
  write(file_, bytes.data(), bytes.size());
  hash_.add(bytes);
  part_bytes_ += static_cast<int64_t>(bytes.size());
}

void ResumableFile::end_part() {
  const std::string line = fmt::format("{} {:016x}\n", part_bytes_, hash_.value());
  write(journal_, line.data(), line.size());
  bytes_ += part_bytes_;
  ++parts_;
  part_bytes_ = 0;
  hash_ = {};
}

void ResumableFile::finish() {
  if (::fsync(file_) != 0) fail_writing(errno);
  require(::rename(partial_.c_str(), path_.c_str()) == 0, "{}: {}", path_.string(), std::strerror(errno));
  ::unlink(journal_path_.c_str());
  const fs::path parent = path_.parent_path();
  if (const int folder = ::open(parent.empty() ? "." : parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
      folder >= 0) {
    ::fsync(folder);  // the new name; a file system that cannot say so has it anyway
    ::close(folder);
  }
  ::close(journal_);
  ::close(file_);
  file_ = -1;
}

}  // namespace dure
