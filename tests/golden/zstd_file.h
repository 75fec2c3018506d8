#pragma once

#include <zstd.h>

#include <filesystem>
#include <memory>
#include <string>

#include "base/error.h"
#include "base/file.h"

namespace dure {

/// The contents of a .zst file, at most 1 GiB.
inline std::string read_zst(const std::filesystem::path& path) {
  constexpr size_t kMost = size_t{1} << 30, kStep = size_t{1} << 20;
  const std::string packed = read_file(path);
  const std::unique_ptr<ZSTD_DStream, size_t (*)(ZSTD_DStream*)> stream(ZSTD_createDStream(), ZSTD_freeDStream);
  ZSTD_inBuffer in{packed.data(), packed.size(), 0};
  std::string text;
  for (size_t left = 1; left != 0;) {
    require(text.size() < kMost, "{}: larger than {} bytes unpacked", path.string(), kMost);
    const size_t begin = text.size();
    text.resize(begin + kStep);
    ZSTD_outBuffer out{text.data() + begin, kStep, 0};
    left = ZSTD_decompressStream(stream.get(), &out, &in);
    require(!ZSTD_isError(left) && (out.pos > 0 || left == 0 || in.pos < in.size), "{}: broken zstd frame",
            path.string());
    text.resize(begin + out.pos);
  }
  return text;
}

}  // namespace dure
