#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formats/gguf.h"

namespace dure {

/// Everything of a GGUF file, version 3, that stands before its data: metadata and the list of tensors, in the order in
/// which they are added. Tensors' data follow in the same order, each padded with padded().
class GgufHead {
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
  void add(const Gguf::Value& value);  ///< as another file has it
  /// Its shape is given outermost first, as everywhere.
  /// REQUIRES: at most 4 dimensions, a dtype that GGUF has (not F8_E4M3).
  void add_tensor(std::string_view name, DType dtype, const Shape& shape);

  std::string head() const;                            ///< padded: the data begin where it ends
  uint64_t data_bytes() const { return data_bytes_; }  ///< of all tensors, padding included
  /// Where the next tensor would begin after n bytes of data.
  static uint64_t padded(uint64_t n);

 private:
  std::string metadata_, tensors_;  // as they will stand in the file
  uint64_t values_ = 0, tensor_count_ = 0, data_bytes_ = 0;
};

/// Builds a small GGUF file whose tensors are in memory.
class GgufWriter : public GgufHead {
 public:
  /// The tensor is kept until the file is written. REQUIRES: contiguous, and as above.
  void add_tensor(std::string_view name, Tensor tensor);

  /// The whole file.
  std::string bytes() const;
  /// Throws Error if the file cannot be written; it appears whole or not at all.
  void write(const std::filesystem::path& path) const;

 private:
  void write_to(std::ostream& out) const;

  std::vector<Tensor> data_;
};

}  // namespace dure
