#include <algorithm>
#include <charconv>
#include <map>
#include <numeric>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "formats/gguf_names.h"
#include "formats/gguf_source.h"
#include "formats/hf_folder.h"
#include "formats/tokenizer_gguf_writer.h"
#include "formats/tokenizer_json.h"

namespace dure {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kTile = 128;  // FP8 scales are per 128 x 128 elements
constexpr std::string_view kKvB = ".self_attn.kv_b_proj.weight";

/// How rows of the file follow from those of the checkpoint.
enum class Order {
  same,
  rotary_pairs,  ///< of each head, the channels that rotate together become neighbours (Llama's q and k)
  key_half,      ///< kv_b's rows of W_UK, each head's transposed
  value_half     ///< kv_b's rows of W_UV
};

struct Recipe {
  std::vector<std::string> from;  ///< a tensor of the checkpoint for each matrix, or one that all are cut from
  Order order = Order::same;
  int64_t heads = 1;
  int64_t nope = 0, v = 0;  ///< of kv_b: rows of each half in a head
};

/// Rows of a checkpoint's tensor, in another order if need be.
class HfRows : public GgufRows {
 public:
  HfRows(const Checkpoint& checkpoint, const Recipe& recipe, int64_t matrix)
      : checkpoint_(checkpoint),
        recipe_(recipe),
        name_(recipe.from[recipe.from.size() > 1 ? static_cast<size_t>(matrix) : 0]),
        head_(matrix),
        source_(checkpoint.get(name_)),
        columns_(source_.data.shape().rank() == 0 ? 1 : source_.data.dim(-1)) {
    checkpoint_.prefetch(name_);
  }
  ~HfRows() override { checkpoint_.release(name_); }

  void read(int64_t begin, int64_t count, float* values) const override {
    if (recipe_.order == Order::key_half) return read_transposed(begin, count, values);
    for (int64_t i = 0; i < count; ++i) read_row(source_row(begin + i), values + i * columns_);
    if (recipe_.order == Order::rotary_pairs && source_.data.shape().rank() == 1) permute(values);
  }

 private:
  /// Where row r of the file stands in the checkpoint.
  int64_t source_row(int64_t r) const {
    if (recipe_.order == Order::value_half) return head_ * (recipe_.nope + recipe_.v) + recipe_.nope + r;
    if (recipe_.order == Order::rotary_pairs && source_.data.shape().rank() == 2) return paired(r, source_.data.dim(0));
    return r;
  }

  /// Channel 2 i + j of a head is its channel j head_dim / 2 + i in the checkpoint.
  int64_t paired(int64_t channel, int64_t channels) const {
    const int64_t dim = channels / recipe_.heads, i = channel % dim;
    return channel - i + i % 2 * (dim / 2) + i / 2;
  }

  void permute(float* values) const {
    const std::vector<float> copy(values, values + columns_);
    for (int64_t i = 0; i < columns_; ++i) values[i] = copy[static_cast<size_t>(paired(i, columns_))];
  }

  /// [count, nope] from rows [nope, kv_lora_rank] of this head.
  void read_transposed(int64_t begin, int64_t count, float* values) const {
    std::vector<float> row(static_cast<size_t>(columns_));
    for (int64_t j = 0; j < recipe_.nope; ++j) {
      read_row(head_ * (recipe_.nope + recipe_.v) + j, row.data());
      for (int64_t i = 0; i < count; ++i) values[i * recipe_.nope + j] = row[static_cast<size_t>(begin + i)];
    }
  }

  void read_row(int64_t row, float* values) const {
    const DType dtype = source_.data.dtype();
    const auto* bytes = static_cast<const std::byte*>(source_.data.view().data) + row * row_bytes(dtype, columns_);
    info(dtype).dequantise(bytes, values, columns_);
    if (!source_.scale.defined()) return;
    const float* scales = source_.scale.data().data() + row / kTile * source_.scale.dim(1);
    for (int64_t k = 0; k < columns_; ++k) values[k] *= scales[k / kTile];
  }

  const Checkpoint& checkpoint_;
  const Recipe& recipe_;
  const std::string& name_;
  int64_t head_;
  StoredTensor source_;
  int64_t columns_;
};

/// Values that no file holds.
class ComputedRows : public GgufRows {
 public:
  explicit ComputedRows(const std::vector<float>& values) : values_(values) {}
  void read(int64_t, int64_t, float* values) const override { std::copy(values_.begin(), values_.end(), values); }

 private:
  const std::vector<float>& values_;
};

/// N of "model.layers.N.x" or "blk.N.x", as `prefix` says; -1 for other tensors.
int layer_of(std::string_view name, std::string_view prefix = "model.layers.") {
  int layer = -1;
  if (name.starts_with(prefix)) std::from_chars(name.data() + prefix.size(), name.data() + name.size(), layer);
  return layer;
}

/// Parameters in a few characters, as in names of models: 7.6B, 64x550M.
std::string size_label(double parameters) {
  constexpr std::pair<double, const char*> kUnits[] = {{1e12, "T"}, {1e9, "B"}, {1e6, "M"}, {0, "K"}};
  for (const auto& [least, unit] : kUnits) {
    if (parameters <= least && least > 0) continue;
    const double scaled = parameters / (least > 0 ? least : 1e3);
    return fmt::format("{:.{}f}{}", scaled, scaled < 0.5 ? 2 : scaled < 9.5 ? 1 : 0, unit);
  }
  return {};
}

/// The folder's name, or that of the model whose snapshot in the hub's cache it is: models--OWNER--NAME/snapshots/HASH.
std::string name_of(const fs::path& folder) {
  const fs::path whole = fs::weakly_canonical(folder);
  for (const fs::path& part : whole)
    if (const std::string name = part.string(); name.starts_with("models--")) return name.substr(name.rfind("--") + 2);
  return whole.filename().string();
}

class HfSource : public GgufSource {
 public:
  HfSource(const fs::path& folder, Device& device, const GgufSourceOptions& options)
      : folder_(folder),
        options_(options),
        checkpoint_(open_hf_folder(folder, device)),
        config_(checkpoint_->config(), checkpoint_->source()),
        infos_(checkpoint_->tensors()) {
    mtp_ = options.mtp && config_.integer_or("num_nextn_predict_layers", 0, 0, 64) > 0 &&
           has(fmt::format("model.layers.{}.eh_proj.weight", layers()));
    model_ = gguf_model(config_, mtp_);
    for (const TensorInfo& info : infos_) add(info);
    rope_factors_ = gguf_rope_factors(config_);
    if (!rope_factors_.empty()) plan("rope_freqs.weight", {static_cast<int64_t>(rope_factors_.size())}, {}, 0);
    finish_experts();
    sort_by_layer();
    for (const fs::directory_entry& file : fs::directory_iterator(folder))
      if (const fs::path extension = file.path().extension(); extension == ".safetensors" || extension == ".json")
        files_.push_back(file.path());
    std::sort(files_.begin(), files_.end());
  }

  void add_metadata(GgufHead& head, std::span<const std::string_view>) const override {
    head.add("general.architecture", model_.architecture);
    head.add("general.type", "model");
    add_sampling(head, checkpoint_->generation());
    head.add("general.name", name_of(folder_));
    head.add("general.size_label", label());
    add_config(head, config_, mtp_);
    if (!fs::exists(folder_ / "tokenizer.json")) return add_no_tokenizer(head, checkpoint_->generation());
    add_tokenizer(head, read_tokenizer(folder_), checkpoint_->generation(), config_.integer("vocab_size", 1, 1 << 24),
                  options_.pre);
  }

  std::unique_ptr<GgufRows> open(size_t tensor, int64_t matrix) const override {
    const Recipe& recipe = recipes_[tensor];
    if (recipe.from.empty()) return std::make_unique<ComputedRows>(rope_factors_);
    return std::make_unique<HfRows>(*checkpoint_, recipe, matrix);
  }

 private:
  /// The experts of a layer, while they are collected.
  struct Stack {
    size_t entry = 0;
    std::map<int, std::string> experts;
  };

  int layers() const { return config_.integer("num_hidden_layers", 1, 4096); }
  bool has(const std::string& name) const {
    return std::any_of(infos_.begin(), infos_.end(), [&](const TensorInfo& info) { return info.name == name; });
  }

  /// What belongs to no file: scales (they go with their matrix), constants, a head that is the embedding again.
  bool is_left_out(const std::string& name) const {
    return name.ends_with("_scale_inv") || name.ends_with("rotary_emb.inv_freq") ||
           (name == "lm_head.weight" && config_.boolean_or("tie_word_embeddings", false)) ||
           layer_of(name) >= model_.layers;
  }

  void plan(std::string name, const Shape& shape, Recipe recipe, int64_t bytes) {
    entries_.push_back({std::move(name), shape, DType::F32, bytes});
    recipes_.push_back(std::move(recipe));
  }

  void add(const TensorInfo& info) {
    if (is_left_out(info.name)) return;
    require(info.shape.size() == 1 || info.shape.size() == 2, "{}: tensor {}: expected a vector or a matrix, found {}",
            checkpoint_->source(), quote(info.name), fmt::join(info.shape, " x "));
    constexpr std::string_view kFloats[] = {"F32", "F16", "BF16", "F8_E4M3"};
    require(std::find(std::begin(kFloats), std::end(kFloats), info.dtype) != std::end(kFloats),
            "{}: tensor {}: expected one of {}, found {}", checkpoint_->source(), quote(info.name),
            fmt::join(kFloats, ", "), info.dtype);
    const Shape shape = info.shape.size() == 1 ? Shape{info.shape[0]} : Shape{info.shape[0], info.shape[1]};
    if (info.name.ends_with(kKvB)) return add_kv_b(info, shape);
    const std::vector<GgufPlace> places = gguf_places(info.name);
    require(!places.empty(), "{}: tensor {} has no place in a GGUF file", checkpoint_->source(), quote(info.name));
    if (places[0].expert) return add_expert(info, places[0], shape);
    Recipe recipe{{info.name}};
    const bool query = info.name.find(".q_proj.") != info.name.npos, key = info.name.find(".k_proj.") != info.name.npos;
    if (model_.architecture == "llama" && (query || key)) {
      recipe.order = Order::rotary_pairs;
      recipe.heads = query ? model_.heads : model_.kv_heads;
      require(shape[0] % (2 * recipe.heads) == 0, "{}: tensor {}: {} rows do not divide into {} heads",
              checkpoint_->source(), quote(info.name), shape[0], recipe.heads);
    }
    plan(places[0].name, shape, std::move(recipe), info.bytes);
  }

  void add_expert(const TensorInfo& info, const GgufPlace& place, const Shape& shape) {
    require(shape.rank() == 2 && *place.expert < model_.experts,
            "{}: tensor {}: expected a matrix of one of {} experts", checkpoint_->source(), quote(info.name),
            model_.experts);
    const auto [it, fresh] = stacks_.try_emplace(place.name);
    Stack& stack = it->second;
    if (fresh) {
      stack.entry = entries_.size();
      plan(place.name, {model_.experts, shape[0], shape[1]}, {}, 0);
    }
    Entry& entry = entries_[stack.entry];
    require(shape == Shape({entry.shape[1], entry.shape[2]}),
            "{}: tensor {}: expected [{}, {}] as its neighbours, found {}", checkpoint_->source(), quote(info.name),
            entry.shape[1], entry.shape[2], shape);
    entry.bytes += info.bytes;
    stack.experts.emplace(*place.expert, info.name);
  }

  void finish_experts() {
    for (const auto& [name, stack] : stacks_)
      for (int e = 0; e < model_.experts; ++e) {
        const auto expert = stack.experts.find(e);
        require(expert != stack.experts.end(), "{}: expert {} of {} is missing", checkpoint_->source(), e, name);
        recipes_[stack.entry].from.push_back(expert->second);
      }
  }

  /// The two halves that new files keep apart.
  void add_kv_b(const TensorInfo& info, const Shape& shape) {
    const int64_t H = model_.heads, nope = config_.integer("qk_nope_head_dim", 1, 1 << 24);
    const int64_t v = config_.integer("v_head_dim", 1, 1 << 24);
    require(shape.rank() == 2 && shape[0] == H * (nope + v), "{}: tensor {}: expected {} rows, found {}",
            checkpoint_->source(), quote(info.name), H * (nope + v), shape);
    const int64_t rank = shape[1], bytes = info.bytes / (nope + v);
    const std::string block = fmt::format("blk.{}.", layer_of(info.name));
    plan(block + "attn_k_b.weight", {H, rank, nope}, {{info.name}, Order::key_half, H, nope, v}, bytes * nope);
    plan(block + "attn_v_b.weight", {H, v, rank}, {{info.name}, Order::value_half, H, nope, v}, bytes * v);
  }

  /// What belongs to no layer first, then layer by layer, however the shards are cut.
  void sort_by_layer() {
    const auto key = [&](size_t i) {
      const std::string& name = entries_[i].name;
      return std::pair(layer_of(name, "blk."), std::string_view(name));
    };
    std::vector<size_t> order(entries_.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return key(a) < key(b); });
    std::vector<Entry> entries;
    std::vector<Recipe> recipes;
    for (const size_t i : order) {
      entries.push_back(entries_[i]);
      recipes.push_back(recipes_[i]);
    }
    entries_ = std::move(entries);
    recipes_ = std::move(recipes);
  }

  /// As published names have it: 7.6B, or for experts 256x20B with the size of one that all share.
  std::string label() const {
    double total = 0, one = 0;
    for (const Entry& entry : entries_) {
      const double n = static_cast<double>(entry.shape.numel());
      const bool stack = entry.name.find("_exps.") != entry.name.npos;
      total += n;
      one += stack ? n / static_cast<double>(entry.shape[0]) : n;
    }
    return stacks_.empty() ? size_label(total) : fmt::format("{}x{}", model_.experts, size_label(one));
  }

  fs::path folder_;
  GgufSourceOptions options_;
  std::unique_ptr<Checkpoint> checkpoint_;
  Fields config_;
  std::vector<TensorInfo> infos_;
  bool mtp_ = false;
  std::vector<Recipe> recipes_;  // of each entry
  std::map<std::string, Stack> stacks_;
  std::vector<float> rope_factors_;
};

}  // namespace

std::unique_ptr<GgufSource> open_hf_gguf_source(const fs::path& folder, Device& device,
                                                const GgufSourceOptions& options) {
  return std::make_unique<HfSource>(folder, device, options);
}

}  // namespace dure
