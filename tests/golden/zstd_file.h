#pragma once

#include <zstd.h>

#include <filesystem>
#include <string>

#include "base/error.h"
#include "base/file.h"

namespace dure {

/// The contents of a .zst file made by the zstd program (one frame of known size).
inline std::string read_zst(const std::filesystem::path& path) {
  const std::string packed = read_file(path);
  const unsigned long long size = ZSTD_getFrameContentSize(packed.data(), packed.size());
  require(size < (1ull << 30), "{}: not a zstd frame of known size", path.string());
  std::string text(size, '\0');
  const size_t got = ZSTD_decompress(text.data(), text.size(), packed.data(), packed.size());
  require(!ZSTD_isError(got) && got == size, "{}: broken zstd frame", path.string());
  return text;
}

}  // namespace dure
