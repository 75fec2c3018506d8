#include "formats/gguf_source.h"

#include <algorithm>

#include "base/error.h"
#include "base/file.h"
#include "formats/gguf_checkpoint.h"

namespace dure {
namespace {

constexpr int64_t kMaxLayers = 4096, kMaxHeads = 1 << 20, kMaxExperts = 1 << 16;

/// Of a GGUF file: rows of blocks where they lie.
class StoredRows : public GgufRows {
 public:
  StoredRows(DType dtype, int64_t columns, std::span<const std::byte> bytes)
      : dtype_(dtype), columns_(columns), bytes_(bytes) {
    prefetch_pages(bytes_);
  }
  ~StoredRows() override { release_pages(bytes_); }

  void read(int64_t begin, int64_t count, float* values) const override {
    info(dtype_).dequantise(bytes_.data() + begin * row_bytes(dtype_, columns_), values, count * columns_);
  }
  std::span<const std::byte> stored() const override { return bytes_; }

 private:
  DType dtype_;
  int64_t columns_;
  std::span<const std::byte> bytes_;
};

DType dtype_of(const Gguf& file, const Gguf::TensorEntry& entry) {
  for (int i = 0; i < kDTypes; ++i)
    if (const DType dtype = static_cast<DType>(i); name(dtype) == entry.type) return dtype;
  fail("{}: tensor {}: type {} is not supported", file.source(), quote(entry.name), entry.type);
}

class GgufFiles : public GgufSource {
 public:
  explicit GgufFiles(const std::filesystem::path& path) : parts_(open_gguf_parts(path)) {
    const Gguf& first = parts_.front();
    model_.architecture = first.string("general.architecture");
    const auto integer = [&](const char* key, int64_t fallback, int64_t max) {
      return static_cast<int>(first.integer_or(fmt::format("{}.{}", model_.architecture, key), fallback, 0, max));
    };
    require(is_gguf_architecture(model_.architecture), "{}: general.architecture {} is not supported", first.source(),
            quote(model_.architecture));
    model_.layers = integer("block_count", 0, kMaxLayers);
    model_.heads = integer("attention.head_count", 0, kMaxHeads);
    model_.kv_heads = integer("attention.head_count_kv", model_.heads, kMaxHeads);
    model_.experts = integer("expert_count", 0, kMaxExperts);
    for (const Gguf& part : parts_) {
      files_.push_back(part.source());
      for (const Gguf::TensorEntry& entry : part.tensors()) {
        entries_.push_back(
            {std::string(entry.name), entry.shape, dtype_of(part, entry), static_cast<int64_t>(entry.data.size())});
        data_.push_back(entry.data);
      }
    }
  }

  void add_metadata(GgufHead& head, std::span<const std::string_view> replaced) const override {
    for (const Gguf::Value& value : parts_.front().metadata()) {
      const bool other = std::any_of(replaced.begin(), replaced.end(),
                                     [&](std::string_view prefix) { return value.key.starts_with(prefix); });
      if (!other && value.key != "general.alignment" && !value.key.starts_with("split.")) head.add(value);
    }
  }

  std::unique_ptr<GgufRows> open(size_t tensor, int64_t matrix) const override {
    const Entry& entry = entries_[tensor];
    const size_t bytes = data_[tensor].size() / static_cast<size_t>(matrices(entry.shape));
    const int64_t columns = entry.shape.rank() == 0 ? 1 : entry.shape.back();
    return std::make_unique<StoredRows>(entry.dtype, columns,
                                        data_[tensor].subspan(static_cast<size_t>(matrix) * bytes, bytes));
  }

 private:
  std::vector<Gguf> parts_;
  std::vector<std::span<const std::byte>> data_;
};

}  // namespace

std::unique_ptr<GgufSource> open_gguf_source(const std::filesystem::path& model, Device& device,
                                             const GgufSourceOptions& options) {
  std::error_code ignored;
  require(std::filesystem::exists(model, ignored), "{}: no such file or folder", model.string());
  if (std::filesystem::is_directory(model, ignored)) return open_hf_gguf_source(model, device, options);
  return std::make_unique<GgufFiles>(model);
}

}  // namespace dure
