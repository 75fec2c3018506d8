#include "formats/hf_folder.h"

#include <algorithm>
#include <map>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "formats/safetensors.h"

namespace dure {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxConfig = size_t{16} << 20;
constexpr size_t kMaxIndex = size_t{256} << 20;
constexpr int64_t kTile = 128;  // FP8 scales are per 128 x 128 elements

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

  Tensor scale_of(const std::string& name, const Shape& shape) const {
    const auto it = home_.find(name + "_scale_inv");
    if (it == home_.end()) return {};
    Tensor scale = shards_[it->second].load(it->first, device_);
    const auto tiles = [](int64_t n) { return n / kTile + (n % kTile != 0); };
    require(
        scale.dtype() == DType::F32 && shape.rank() == 2 && scale.shape() == Shape{tiles(shape[0]), tiles(shape[1])},
        "{}: tensor {}: expected F32, one factor per {} x {} elements of {}, found {} {}", shards_[it->second].source(),
        quote(it->first), kTile, kTile, shape, dure::name(scale.dtype()), scale.shape());
    return scale;
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
