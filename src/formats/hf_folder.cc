#include "formats/hf_folder.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "formats/safetensors.h"
#include "tensor/quant/mxfp4_block.h"

namespace dure {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxConfig = size_t{16} << 20;
constexpr size_t kMaxIndex = size_t{256} << 20;
constexpr int64_t kTile = 128;                      // FP8 scales are per 128 x 128 elements
constexpr std::string_view kExponents = "F8_E8M0";  // 2^(e - 127); no tensor of ours

Json read_json(const fs::path& path, size_t max_bytes) { return parse_json(read_file(path, max_bytes), path.string()); }

class HfFolder : public Checkpoint {
 public:
  HfFolder(const fs::path& folder, Device& device) : folder_(folder), device_(device) {
    config_ = read_json(folder / "config.json", kMaxConfig);
    require(config_.is_object(), "{}: expected a JSON object", source());
    read_generation_config();
    if (fs::exists(folder / "model.safetensors.index.json")) {
      open_index(folder / "model.safetensors.index.json");
    } else if (fs::exists(folder / "model.safetensors")) {
      open_all({folder / "model.safetensors"});
    } else {
      std::vector<fs::path> files;
      for (const auto& file : fs::directory_iterator(folder))
        if (file.path().extension() == ".safetensors") files.push_back(file.path());
      std::sort(files.begin(), files.end());
      require(!files.empty(), "{}: no *.safetensors file in the folder", folder.string());
      open_all(files);
    }
  }

  const Json& config() const override { return config_; }
  std::string source() const override { return (folder_ / "config.json").string(); }
  const GenerationConfig& generation() const override { return generation_; }

  std::optional<StoredTensor> find(const std::string& name) const override {
    const auto it = home_.find(name);
    if (it == home_.end()) return {};
    if (const auto scale = scale_of_fp4(name)) return StoredTensor{load_fp4(name, *scale), {}};
    StoredTensor stored{shards_[it->second].load(name, device_), {}};
    if (stored.data.dtype() == DType::F8_E4M3) stored.scale = scale_of(name, stored.data.shape());
    return stored;
  }

  void prefetch(const std::string& name) const override { prefetch_pages(bytes_of(name)); }
  void release(const std::string& name) const override { release_pages(bytes_of(name)); }

  std::vector<TensorInfo> tensors() const override {
    std::vector<TensorInfo> list;
    for (const Safetensors& shard : shards_)
      for (const auto& [name, entry] : shard.entries())
        list.push_back({name, entry.dtype, entry.shape, static_cast<int64_t>(entry.data.size())});
    return list;
  }

 private:
  std::span<const std::byte> bytes_of(const std::string& name) const {
    const auto it = home_.find(name);
    if (it == home_.end()) return {};
    return shards_[it->second].entries().find(name)->second.data;
  }

  void read_generation_config() {
    const fs::path path = folder_ / "generation_config.json";
    if (fs::exists(path)) generation_ = parse_generation_config(read_json(path, kMaxConfig), path.string());
    const GenerationConfig base = parse_generation_config(config_, source());
    if (!generation_.bos_token_id) generation_.bos_token_id = base.bos_token_id;
    if (generation_.eos_token_ids.empty()) generation_.eos_token_ids = base.eos_token_ids;
  }

  void open_all(const std::vector<fs::path>& files) {
    for (const fs::path& file : files) {
      const Safetensors& shard = shards_.emplace_back(Safetensors::open(file));
      for (const auto& [name, entry] : shard.entries())
        require(home_.emplace(name, shards_.size() - 1).second, "{}: tensor {} is in another file of the folder too",
                shard.source(), quote(name));
    }
  }

  void open_index(const fs::path& path) {
    const Json index = read_json(path, kMaxIndex);
    require(index.is_object() && index.contains("weight_map") && index.at("weight_map").is_object(),
            "{}: field 'weight_map': expected an object", path.string());
    std::map<std::string, size_t> opened;
    for (const auto& [name, value] : index.at("weight_map").get_ref<const Json::object_t&>()) {
      require(value.is_string(), "{}: tensor {}: expected the name of a shard", path.string(), quote(name));
      const std::string file = value.get<std::string>();
      if (!opened.contains(file)) {
        require(file.find_first_of(std::string_view("/\\\0", 3)) == file.npos && file != "..",
                "{}: tensor {}: the shard {} is not a plain file name", path.string(), quote(name), quote(file));
        require(fs::exists(folder_ / file), "{}: tensor {}: its shard {} is missing", path.string(), quote(name),
                quote(file));
        shards_.push_back(Safetensors::open(folder_ / file));
        opened.emplace(file, shards_.size() - 1);
      }
      const size_t shard = opened.at(file);
      require(shards_[shard].contains(name), "{}: tensor {} is not in its shard {}", path.string(), quote(name),
              quote(file));
      home_.emplace(name, shard);
    }
  }

  const Safetensors::Entry& entry(const std::string& name) const {
    return shards_[home_.at(name)].entries().find(name)->second;
  }

  /// "X.scale" beside "X.weight", as DeepSeek-V4 calls it; nothing if there is none.
  std::optional<std::string> scale_beside(const std::string& name) const {
    constexpr std::string_view kWeight = "weight";
    if (!name.ends_with(kWeight)) return {};
    const std::string scale = name.substr(0, name.size() - kWeight.size()) + "scale";
    return home_.contains(scale) ? std::optional(scale) : std::nullopt;
  }

  /// The factors of FP8 tiles: float32, or powers of two as exponents of 8 bits.
  Tensor scale_of(const std::string& name, const Shape& shape) const {
    const std::string own = name + "_scale_inv";
    const std::optional<std::string> found = home_.contains(own) ? std::optional(own) : scale_beside(name);
    if (!found) return {};
    const Safetensors::Entry& e = entry(*found);
    const auto tiles = [](int64_t n) { return n / kTile + (n % kTile != 0); };
    require((e.dtype == "F32" || e.dtype == kExponents) && shape.rank() == 2 &&
                e.shape == std::vector<int64_t>{tiles(shape[0]), tiles(shape[1])},
            "{}: tensor {}: expected F32 or {}, one factor per {} x {} elements of {}, found {} [{}]",
            shards_[home_.at(*found)].source(), quote(*found), kExponents, kTile, kTile, shape, e.dtype,
            fmt::join(e.shape, ", "));
    if (e.dtype == "F32") return shards_[home_.at(*found)].load(*found, device_);
    Tensor scale = Tensor::empty(device_, DType::F32, {e.shape[0], e.shape[1]});
    for (size_t i = 0; i < e.data.size(); ++i) scale.data()[i] = std::ldexp(1.f, std::to_integer<int>(e.data[i]) - 127);
    return scale;
  }

  /// The name of the scales of a matrix of 4-bit floats, two in each byte; nothing if it is none.
  std::optional<std::string> scale_of_fp4(const std::string& name) const {
    if (entry(name).dtype != "I8") return {};
    const auto scale = scale_beside(name);
    return scale && entry(*scale).dtype == kExponents ? scale : std::nullopt;
  }

  /// MXFP4 as released: bytes [N, K / 2], the earlier element in the low nibble, and exponents [N, K / 32]. Put into
  /// blocks: a copy, which lives as long as the tensor.
  Tensor load_fp4(const std::string& name, const std::string& scale) const {
    constexpr int64_t kBlock = 32;
    const Safetensors::Entry &w = entry(name), &s = entry(scale);
    const int64_t rows = w.shape.empty() ? 0 : w.shape[0];
    require(w.shape.size() == 2 && w.shape[1] % (kBlock / 2) == 0 &&
                s.shape == std::vector<int64_t>{rows, w.shape[1] / (kBlock / 2)},
            "{}: tensor {}: expected an exponent for each {} elements of {}, [{}] bytes of two; found [{}]",
            shards_[home_.at(scale)].source(), quote(scale), kBlock, quote(name), fmt::join(w.shape, ", "),
            fmt::join(s.shape, ", "));
    const Tensor t = Tensor::empty(device_, DType::MXFP4, {rows, 2 * w.shape[1]});
    auto* block = static_cast<BlockMXFP4*>(t.view().data);
    for (size_t i = 0; i < s.data.size(); ++i, ++block) {
      block->e = std::to_integer<uint8_t>(s.data[i]);
      const std::byte* pairs = w.data.data() + i * (kBlock / 2);
      const auto element = [&](int k) { return std::to_integer<int>(pairs[k / 2] >> k % 2 * 4) & 15; };
      for (int k = 0; k < 16; ++k) block->qs[k] = static_cast<uint8_t>(element(k) | element(k + 16) << 4);
    }
    return t;
  }

  fs::path folder_;
  Device& device_;
  Json config_;
  GenerationConfig generation_;
  std::vector<Safetensors> shards_;
  std::map<std::string, size_t> home_;  // tensor -> its shard
};

}  // namespace

std::unique_ptr<Checkpoint> open_hf_folder(const fs::path& folder, Device& device) {
  return std::make_unique<HfFolder>(folder, device);
}

}  // namespace dure
