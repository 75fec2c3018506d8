#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tensor/tensor.h"

namespace dure {

/// One GGUF file, version 2 or 3, little-endian (docs/formats/gguf.md): metadata and named tensors. Everything is
/// checked when it is opened; nothing is copied, so names and strings are views that live as long as this object does.
class Gguf {
 public:
  enum class Type : uint32_t { U8, I8, U16, I16, U32, I32, F32, Bool, String, Array, U64, I64, F64 };

  struct Value {
    std::string_view key;
    Type type;                         ///< Array, or that of the one value
    Type element;                      ///< of an array's elements; else the same as type
    uint64_t count;                    ///< elements; 1 if it is no array
    std::span<const std::byte> bytes;  ///< as in the file: strings with their lengths
  };
  struct TensorEntry {
    std::string_view name;
    std::string_view type;  ///< the file's name of it, such as "Q4_K"
    Shape shape;            ///< outermost first: [N, K] for a matrix that maps K to N
    std::span<const std::byte> data;
  };

  /// Throws Error if the file cannot be read or breaks a rule of the format.
  static Gguf open(const std::filesystem::path& path);
  /// The same from memory; `owner` keeps the bytes alive and `source` names them in errors.
  static Gguf parse(std::span<const std::byte> bytes, std::string source, std::shared_ptr<const void> owner);

  const std::string& source() const { return source_; }

  // Metadata. Keys that are not there throw Error unless there is a fallback; so do values of another type or beyond
  // the bounds. An integer may be stored as any integer type, a number as any integer or floating type.
  bool has(std::string_view key) const { return find_value(key) != nullptr; }
  std::string_view string(std::string_view key) const;
  std::string_view string_or(std::string_view key, std::string_view fallback) const;
  int64_t integer(std::string_view key, int64_t min, int64_t max) const;
  int64_t integer_or(std::string_view key, int64_t fallback, int64_t min, int64_t max) const;
  double number(std::string_view key) const;
  double number_or(std::string_view key, double fallback) const;
  bool boolean_or(std::string_view key, bool fallback) const;
  std::vector<std::string_view> strings(std::string_view key) const;
  std::vector<int64_t> integers(std::string_view key, int64_t min, int64_t max) const;
  std::vector<float> numbers(std::string_view key) const;

  std::span<const Value> metadata() const { return values_; }  ///< in the order of the file
  const Value* find_value(std::string_view key) const;         ///< null if there is none

  std::span<const TensorEntry> tensors() const { return tensors_; }  ///< in the order of the file
  const TensorEntry* find_tensor(std::string_view name) const;       ///< null if there is none
  /// Throws Error for a type that Dure does not compute with.
  Tensor load(const TensorEntry& entry, Device& device) const;

 private:
  const Value& need(std::string_view key, bool array, std::string_view expected) const;

  std::string source_;
  std::shared_ptr<const void> owner_;
  std::vector<Value> values_;
  std::vector<TensorEntry> tensors_;
  std::vector<uint32_t> values_by_key_, tensors_by_name_;  // positions in the order of their names
};

/// A value for people, on one line; long arrays and texts are cut.
std::string describe(const Gguf::Value& value);

}  // namespace dure
