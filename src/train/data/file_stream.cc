#include "train/data/file_stream.h"

#include <lzma.h>
#include <zstd.h>

#include <cstdio>
#include <vector>

#include "base/error.h"

namespace dure {
namespace {

class PlainFile final : public FileStream {
 public:
  explicit PlainFile(const std::filesystem::path& path) : path_(path.string()), file_(std::fopen(path.c_str(), "rb")) {
    require(file_ != nullptr, "{}: cannot be read", path_);
  }

  size_t read(std::span<char> out) override {
    const size_t count = std::fread(out.data(), 1, out.size(), file_.get());
    require(!std::ferror(file_.get()), "{}: cannot be read", path_);
    return count;
  }

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  std::string path_;
  std::unique_ptr<std::FILE, Close> file_;
};

/// What both decoders need: compressed bytes, of which some are still to be used.
class PackedFile : public FileStream {
 protected:
  explicit PackedFile(const std::filesystem::path& path) : path_(path.string()), file_(path), buffer_(1 << 17) {}

  /// False at the end of the file. REQUIRES: all bytes of the last time are used.
  bool refill() {
    used_ = 0;
    filled_ = file_.read(buffer_);
    return filled_ > 0;
  }

  std::string path_;
  PlainFile file_;
  std::vector<char> buffer_;
  size_t used_ = 0, filled_ = 0;  // bytes of buffer_
};

class ZstdFile final : public PackedFile {
 public:
  explicit ZstdFile(const std::filesystem::path& path) : PackedFile(path), stream_(ZSTD_createDStream()) {
    if (!stream_) throw std::bad_alloc();
    ZSTD_DCtx_setParameter(stream_.get(), ZSTD_d_windowLogMax, 27);  // 128 MiB: a larger window is refused
  }

  size_t read(std::span<char> out) override {
    ZSTD_outBuffer to{out.data(), out.size(), 0};
    while (to.pos < to.size) {
      if (used_ == filled_ && !refill()) {
        require(at_frame_end_, "{}: ends within a Zstandard frame", path_);
        break;
      }
      ZSTD_inBuffer from{buffer_.data(), filled_, used_};
      const size_t left = ZSTD_decompressStream(stream_.get(), &to, &from);
      require(!ZSTD_isError(left), "{}: {}", path_, ZSTD_getErrorName(left));
      used_ = from.pos;
      at_frame_end_ = left == 0;
    }
    return to.pos;
  }

 private:
  struct Free {
    void operator()(ZSTD_DStream* stream) const { ZSTD_freeDStream(stream); }
  };
  std::unique_ptr<ZSTD_DStream, Free> stream_;
  bool at_frame_end_ = true;
};

class XzFile final : public PackedFile {
 public:
  explicit XzFile(const std::filesystem::path& path) : PackedFile(path) {
    constexpr uint64_t kMemory = uint64_t{256} << 20;
    require(lzma_stream_decoder(&stream_, kMemory, LZMA_CONCATENATED) == LZMA_OK, "{}: no memory to unpack it", path_);
  }
  ~XzFile() override { lzma_end(&stream_); }

  size_t read(std::span<char> out) override {
    stream_.next_out = reinterpret_cast<uint8_t*>(out.data());
    stream_.avail_out = out.size();
    while (stream_.avail_out > 0 && !ended_) {
      if (stream_.avail_in == 0) {
        refill();
        stream_.next_in = reinterpret_cast<const uint8_t*>(buffer_.data());
        stream_.avail_in = filled_;
      }
      const lzma_ret result = lzma_code(&stream_, filled_ > 0 ? LZMA_RUN : LZMA_FINISH);
      ended_ = result == LZMA_STREAM_END;
      require(ended_ || result == LZMA_OK, "{}: no whole .xz file (lzma error {})", path_, static_cast<int>(result));
    }
    return out.size() - stream_.avail_out;
  }

 private:
  lzma_stream stream_ = LZMA_STREAM_INIT;
  bool ended_ = false;
};

}  // namespace

std::unique_ptr<FileStream> open_file_stream(const std::filesystem::path& path) {
  require(std::filesystem::is_regular_file(path), "{}: no such file", path.string());
  if (path.extension() == ".zst") return std::make_unique<ZstdFile>(path);
  if (path.extension() == ".xz") return std::make_unique<XzFile>(path);
  return std::make_unique<PlainFile>(path);
}

std::filesystem::path without_compression(const std::filesystem::path& path) {
  return path.extension() == ".zst" || path.extension() == ".xz" ? std::filesystem::path(path).replace_extension()
                                                                 : path;
}

}  // namespace dure
