#include "formats/gguf_writer.h"

#include <ostream>
#include <sstream>

#include "base/error.h"
#include "base/file.h"
#include "formats/gguf_types.h"

namespace dure {
namespace {

using Type = Gguf::Type;

constexpr uint64_t kAlignment = 32;

template <class T>
void put(std::string& to, T value) {
  to.append(reinterpret_cast<const char*>(&value), sizeof(value));
}
void put(std::string& to, std::string_view text) {
  put<uint64_t>(to, text.size());
  to += text;
}
void put_head(std::string& to, std::string_view key, Type type) {
  put(to, key);
  put(to, type);
}
void put_head(std::string& to, std::string_view key, Type element, uint64_t count) {
  put_head(to, key, Type::Array);
  put(to, element);
  put(to, count);
}

}  // namespace

void GgufHead::add(std::string_view key, std::string_view value) {
  put_head(metadata_, key, Type::String);
  put(metadata_, value);
  ++values_;
}

void GgufHead::add(std::string_view key, uint32_t value) {
  put_head(metadata_, key, Type::U32);
  put(metadata_, value);
  ++values_;
}

void GgufHead::add(std::string_view key, int32_t value) {
  put_head(metadata_, key, Type::I32);
  put(metadata_, value);
  ++values_;
}

void GgufHead::add(std::string_view key, float value) {
  put_head(metadata_, key, Type::F32);
  put(metadata_, value);
  ++values_;
}

void GgufHead::add(std::string_view key, bool value) {
  put_head(metadata_, key, Type::Bool);
  put<uint8_t>(metadata_, value);
  ++values_;
}

void GgufHead::add(std::string_view key, std::span<const std::string> values) {
  put_head(metadata_, key, Type::String, values.size());
  for (const std::string& value : values) put(metadata_, std::string_view(value));
  ++values_;
}

void GgufHead::add(std::string_view key, std::span<const float> values) {
  put_head(metadata_, key, Type::F32, values.size());
  for (float value : values) put(metadata_, value);
  ++values_;
}

void GgufHead::add(std::string_view key, std::span<const int32_t> values) {
  put_head(metadata_, key, Type::I32, values.size());
  for (int32_t value : values) put(metadata_, value);
  ++values_;
}

void GgufHead::add(const Gguf::Value& value) {
  if (value.type == Type::Array) {
    put_head(metadata_, value.key, value.element, value.count);
  } else {
    put_head(metadata_, value.key, value.type);
  }
  metadata_.append(reinterpret_cast<const char*>(value.bytes.data()), value.bytes.size());
  ++values_;
}

void GgufHead::add_tensor(std::string_view name, DType dtype, const Shape& shape) {
  const GgufTensorType* type = find_gguf_type(dure::name(dtype));
  DURE_ASSERT(type != nullptr);
  put(tensors_, name);
  put<uint32_t>(tensors_, static_cast<uint32_t>(shape.rank()));
  for (int d = shape.rank() - 1; d >= 0; --d) put<uint64_t>(tensors_, static_cast<uint64_t>(shape[d]));
  put<uint32_t>(tensors_, type->id);
  put(tensors_, data_bytes_);
  const int64_t columns = shape.rank() == 0 ? 1 : shape.back();
  const int64_t rows = columns == 0 ? 0 : shape.numel() / columns;
  data_bytes_ += padded(static_cast<uint64_t>(rows * row_bytes(dtype, columns)));
  ++tensor_count_;
}

std::string GgufHead::head() const {
  std::string head = "GGUF";
  put<uint32_t>(head, 3);
  put<uint64_t>(head, tensor_count_);
  put<uint64_t>(head, values_);
  head += metadata_;
  head += tensors_;
  head.resize(padded(head.size()));
  return head;
}

uint64_t GgufHead::padded(uint64_t n) { return (n + kAlignment - 1) / kAlignment * kAlignment; }

void GgufWriter::add_tensor(std::string_view name, Tensor tensor) {
  DURE_ASSERT(tensor.contiguous());
  GgufHead::add_tensor(name, tensor.dtype(), tensor.shape());
  data_.push_back(std::move(tensor));
}

void GgufWriter::write_to(std::ostream& out) const {
  out << head();
  for (const Tensor& tensor : data_) {
    const uint64_t bytes = static_cast<uint64_t>(tensor.bytes());
    out.write(static_cast<const char*>(tensor.view().data), static_cast<std::streamsize>(bytes));
    out << std::string(padded(bytes) - bytes, '\0');
  }
}

std::string GgufWriter::bytes() const {
  std::ostringstream out;
  write_to(out);
  return out.str();
}

void GgufWriter::write(const std::filesystem::path& path) const {
  write_file_atomically(path, [&](std::ostream& out) { write_to(out); });
}

}  // namespace dure
