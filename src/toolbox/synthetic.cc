#include "toolbox/synthetic.h"

#include <cmath>
#include <cstring>
#include <map>
#include <numbers>

#include "base/error.h"
#include "base/rng.h"
#include "base/system.h"

namespace dure {
namespace {

constexpr int64_t kTile = 128;  // FP8 scales are per 128 x 128 elements

/// Encoded normal values of deviation 0.02.
class Pool {
 public:
  Pool() = default;
  explicit Pool(DType dtype)
      : type_(&info(dtype)), encoded_(static_cast<size_t>(kElements / type_->block * type_->block_bytes)) {
    Rng rng(static_cast<uint64_t>(dtype) + 1);
    std::vector<float> values(kElements);
    for (size_t i = 0; i < values.size(); i += 2) {  // Box and Muller, 1958
      const double radius = 0.02 * std::sqrt(-2 * std::log(1 - rng.uniform())),
                   angle = 2 * std::numbers::pi * rng.uniform();
      values[i] = static_cast<float>(radius * std::cos(angle));
      values[i + 1] = static_cast<float>(radius * std::sin(angle));
    }
    type_->quantise(values.data(), nullptr, encoded_.data(), kElements);
  }

  /// Row `index` of some matrix: whole blocks from a place that depends on the index alone.
  void fill(std::byte* row, int64_t bytes, uint64_t index) const {
    const auto blocks = static_cast<uint64_t>(kElements / type_->block);
    size_t at = static_cast<size_t>(index * 0x9e3779b97f4a7c15u % blocks) * static_cast<size_t>(type_->block_bytes);
    for (auto left = static_cast<size_t>(bytes); left > 0;) {
      const size_t n = std::min(left, encoded_.size() - at);
      std::memcpy(row, encoded_.data() + at, n);
      row += n;
      left -= n;
      at = 0;
    }
  }

 private:
  static constexpr int64_t kElements = 1 << 20;
  const DTypeInfo* type_ = nullptr;
  std::vector<std::byte> encoded_;
};

class SyntheticCheckpoint : public Checkpoint {
 public:
  SyntheticCheckpoint(const ShapeSource& source, const StoredModel& model, Device& device)
      : config_(source.config), source_(fmt::format("{} {}", source.name, model.type)) {
    const int64_t free = memory_status().available;
    require(model.file_bytes < free, "{}: random weights take {} bytes, but {} are free", source_, model.file_bytes,
            free);
    for (const StoredParameter& p : model.parameters)
      if (p.parameter.part != Part::mtp) tensors_.emplace(p.parameter.name, make(p, device));
  }

  const Json& config() const override { return config_; }
  std::string source() const override { return source_; }
  const GenerationConfig& generation() const override { return generation_; }
  std::optional<StoredTensor> find(const std::string& name) const override {
    const auto it = tensors_.find(name);
    return it == tensors_.end() ? std::nullopt : std::optional(it->second);
  }
  std::vector<TensorInfo> tensors() const override {
    std::vector<TensorInfo> list;
    for (const auto& [name, t] : tensors_)
      list.push_back({name,
                      std::string(dure::name(t.data.dtype())),
                      {t.data.shape().begin(), t.data.shape().end()},
                      t.data.bytes()});
    return list;
  }

 private:
  StoredTensor make(const StoredParameter& p, Device& device) {
    const Shape& shape = p.parameter.shape;
    if (shape.rank() == 1) {
      const bool ones = p.parameter.part == Part::norm;
      return {Tensor::from(device, std::vector<float>(static_cast<size_t>(shape[0]), ones ? 1.f : 0.f), shape), {}};
    }
    StoredTensor t{Tensor::empty(device, p.dtype, shape), {}};
    auto& pool = pools_[p.dtype];
    if (!pool) pool = std::make_unique<Pool>(p.dtype);
    auto* data = static_cast<std::byte*>(t.data.view().data);
    const int64_t row = row_bytes(p.dtype, shape[1]);
    device.threads().parallel_for(shape[0], 64, [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) pool->fill(data + r * row, row, rows_ + static_cast<uint64_t>(r));
    });
    rows_ += static_cast<uint64_t>(shape[0]);
    if (p.dtype == DType::F8_E4M3) {
      t.scale = Tensor::empty(device, DType::F32, {(shape[0] + kTile - 1) / kTile, (shape[1] + kTile - 1) / kTile});
      for (float& s : t.scale.data()) s = 1;
    }
    return t;
  }

  Json config_;
  std::string source_;
  GenerationConfig generation_;
  std::map<std::string, StoredTensor> tensors_;
  std::map<DType, std::unique_ptr<Pool>> pools_;
  uint64_t rows_ = 0;  // made so far
};

}  // namespace

std::unique_ptr<Checkpoint> make_synthetic(const ShapeSource& source, const StoredModel& model, Device& device) {
  return std::make_unique<SyntheticCheckpoint>(source, model, device);
}

}  // namespace dure
