#include "toolbox/synthetic.h"

#include <map>

#include "base/error.h"
#include "base/system.h"
#include "toolbox/random_rows.h"

namespace dure {
namespace {

constexpr int64_t kTile = 128;  // FP8 scales are per 128 x 128 elements

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
    const Part part = p.parameter.part;
    if (shape.rank() == 1) return {Tensor::from(device, RandomModel::vector(shape[0], part), shape), {}};
    StoredTensor t{Tensor::empty(device, p.dtype, shape), {}};
    const RandomRows& rows = random_.rows(p.dtype, part);
    auto* data = static_cast<std::byte*>(t.data.view().data);
    const int64_t row = row_bytes(p.dtype, shape[1]);
    device.threads().parallel_for(shape[0], 64, [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) rows.fill(data + r * row, row, rows_ + static_cast<uint64_t>(r));
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
  RandomModel random_;
  uint64_t rows_ = 0;  // made so far
};

}  // namespace

std::unique_ptr<Checkpoint> make_synthetic(const ShapeSource& source, const StoredModel& model, Device& device) {
  return std::make_unique<SyntheticCheckpoint>(source, model, device);
}

}  // namespace dure
