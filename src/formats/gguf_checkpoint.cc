#include "formats/gguf_checkpoint.h"

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "formats/gguf_config.h"
#include "formats/gguf_names.h"

namespace dure {
namespace {

class GgufCheckpoint : public Checkpoint {
 public:
  /// `mapped`: the parts are files, not bytes of this program.
  GgufCheckpoint(std::vector<Gguf> parts, Device& device, bool mapped)
      : parts_(std::move(parts)), device_(device), mapped_(mapped) {
    for (const Gguf& part : parts_)
      for (const Gguf::TensorEntry& entry : part.tensors())
        require(locate(entry.name).file == &part, "{}: tensor {} is in another part of the model too", part.source(),
                quote(entry.name));
    config_ = gguf_config(parts_.front(), [this](std::string_view name) { return locate(name).entry; });
    generation_ = gguf_generation_config(parts_.front());
  }

  const Json& config() const override { return config_; }
  std::string source() const override { return parts_.front().source(); }
  const GenerationConfig& generation() const override { return generation_; }

  std::optional<StoredTensor> find(const std::string& name) const override {
    for (const GgufPlace& place : gguf_places(name)) {
      const Found found = locate(place.name);
      if (found.entry == nullptr) continue;
      const Tensor stored = found.file->load(*found.entry, device_);
      return StoredTensor{place.expert ? expert_of(stored, place, *found.file) : stored, {}};
    }
    return {};
  }

  void release(const std::string& name) const override {
    const std::optional<StoredTensor> stored = mapped_ ? find(name) : std::nullopt;
    if (!stored) return;
    const ConstView v = stored->data.view();
    const std::span bytes(static_cast<const std::byte*>(v.data), static_cast<size_t>(stored->data.bytes()));
    for (const GgufPlace& place : gguf_places(name)) {
      const Gguf::TensorEntry* entry = locate(place.name).entry;
      // A tensor whose address did not suit its type is a copy.
      if (entry != nullptr && bytes.data() >= entry->data.data() &&
          bytes.data() + bytes.size() <= entry->data.data() + entry->data.size())
        release_pages(bytes);
    }
  }

  std::vector<TensorInfo> tensors() const override {
    std::vector<TensorInfo> list;
    for (const Gguf& part : parts_)
      for (const Gguf::TensorEntry& entry : part.tensors())
        list.push_back({std::string(entry.name),
                        std::string(entry.type),
                        {entry.shape.begin(), entry.shape.end()},
                        static_cast<int64_t>(entry.data.size())});
    return list;
  }

 private:
  struct Found {
    const Gguf* file = nullptr;
    const Gguf::TensorEntry* entry = nullptr;
  };
  Found locate(std::string_view name) const {
    for (const Gguf& part : parts_)
      if (const Gguf::TensorEntry* entry = part.find_tensor(name)) return {&part, entry};
    return {};
  }

  /// Rows of one expert: [E, parts * N, K] -> [N, K].
  static Tensor expert_of(const Tensor& all, const GgufPlace& place, const Gguf& file) {
    require(all.shape().rank() == 3 && *place.expert < all.dim(0) && all.dim(1) % place.parts == 0,
            "{}: tensor '{}': expected [experts, rows, columns] with expert {}, found {}", file.source(), place.name,
            *place.expert, all.shape());
    const int64_t rows = all.dim(1) / place.parts, columns = all.dim(2);
    const Tensor matrix = all.alias({all.dim(0) * all.dim(1), columns});
    return matrix.rows(*place.expert * all.dim(1) + place.part * rows, rows);
  }

  std::vector<Gguf> parts_;
  Device& device_;
  bool mapped_;
  Json config_;
  GenerationConfig generation_;
};

constexpr int64_t kMaxParts = 10000;

}  // namespace

std::unique_ptr<Checkpoint> make_gguf_checkpoint(std::vector<Gguf> parts, Device& device) {
  DURE_ASSERT(!parts.empty());
  return std::make_unique<GgufCheckpoint>(std::move(parts), device, false);
}

std::vector<Gguf> open_gguf_parts(const std::filesystem::path& path) {
  std::vector<Gguf> parts;
  parts.push_back(Gguf::open(path));
  const int64_t count = parts.front().integer_or("split.count", 1, 0, kMaxParts);
  if (count > 1) {
    const std::string first = fmt::format("-{:05}-of-{:05}.gguf", 1, count);
    const std::string name = path.string();
    require(parts.front().integer_or("split.no", 0, 0, kMaxParts) == 0 && name.ends_with(first),
            "{}: one of {} parts of a model: open the first, NAME{}", name, count, first);
    for (int64_t part = 2; part <= count; ++part)
      parts.push_back(
          Gguf::open(name.substr(0, name.size() - first.size()) + fmt::format("-{:05}-of-{:05}.gguf", part, count)));
  }
  return parts;
}

std::unique_ptr<Checkpoint> open_gguf_checkpoint(const std::filesystem::path& path, Device& device) {
  return std::make_unique<GgufCheckpoint>(open_gguf_parts(path), device, true);
}

}  // namespace dure
