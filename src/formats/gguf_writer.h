#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tensor/tensor.h"

namespace dure {

/// Builds a GGUF file, version 3. Metadata and tensors keep the order in which they are added.
class GgufWriter {
 public:
  void add(std::string_view key, std::string_view value);
  void add(std::string_view key, const char* value) { add(key, std::string_view(value)); }
  void add(std::string_view key, uint32_t value);
  void add(std::string_view key, int32_t value);
  void add(std::string_view key, float value);
  void add(std::string_view key, bool value);
  void add(std::string_view key, std::span<const std::string> values);
  void add(std::string_view key, std::span<const float> values);
  void add(std::string_view key, std::span<const int32_t> values);
  /// The tensor is kept until the file is written. Its shape is given outermost first, as everywhere.
  /// REQUIRES: contiguous, at most 4 dimensions, a dtype that GGUF has (not F8_E4M3).
  void add_tensor(std::string name, Tensor tensor);

  /// The whole file, for small ones.
  std::string bytes() const;
  /// Throws Error if the file cannot be written; it appears whole or not at all.
  void write(const std::filesystem::path& path) const;

 private:
  void write_to(std::ostream& out) const;

  std::string metadata_;  // as it will stand in the file
  uint64_t values_ = 0;
  std::vector<std::pair<std::string, Tensor>> tensors_;
};

}  // namespace dure
