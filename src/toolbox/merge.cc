#include "toolbox/merge.h"

#include <unistd.h>

#include <algorithm>
#include <span>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "formats/peft_adapter.h"
#include "formats/safetensors.h"

namespace dure {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kShard = 5'000'000'000;     // bytes of a file at most, unless one tensor is larger
constexpr int64_t kChunk = int64_t{1} << 22;  // elements that are merged before they are written
constexpr int64_t kTile = 128;                // FP8 scales are per 128 x 128 elements
constexpr std::string_view kWeight = ".weight";

struct Stopped {};  // by the caller's wish

/// The matrices of an adapter beside a layer: scale * B A.
struct Delta {
  Tensor b;  // [out, r]
  Weight a;  // [r, in]
  float scale;
};

/// A tensor of the folder to be written.
struct Target {
  std::string name, from;  // names there and in the model
  DType dtype;
  Shape shape;
  bool copied = false;  // byte by byte

  int64_t bytes() const { return shape.numel() * info(dtype).block_bytes; }
};

bool is_weights_file(const fs::path& file) {
  constexpr std::string_view kExtensions[] = {".safetensors", ".bin",     ".pt",   ".pth", ".gguf",
                                              ".h5",          ".msgpack", ".onnx", ".ckpt"};
  return std::ranges::count(kExtensions, file.extension().string()) > 0 || file.string().ends_with(".index.json");
}

class Merge {
 public:
  Merge(const fs::path& model, const std::vector<AdapterChoice>& adapters, Device& device,
        const std::function<bool(int64_t, int64_t)>& progress)
      : source_(model), device_(device), progress_(progress) {
    std::error_code ignored;
    require(
        !fs::exists(model, ignored) || fs::is_directory(model, ignored),
        "{}: merging needs a Hugging Face folder; merge into the one that this file was made from, then quantise it",
        model.string());
    checkpoint_ = open_checkpoint(model, device);
    config_ = checkpoint_->config();
    load_model(*checkpoint_, device, {.adapters = adapters});  // says what does not fit
    for (const AdapterChoice& choice : adapters) {
      adapters_.push_back({choice.scale, PeftAdapter::open(choice.folder, device)});
      if (adapters_.back().stored.modules().contains("lm_head")) head_changes_ = true;
    }
    plan();
  }

  void write(const fs::path& folder) {
    std::error_code error;
    const fs::space_info space = fs::space(folder, error);
    require(error || static_cast<uintmax_t>(total_) <= space.available, "{}: needs {} bytes, but {} are free",
            folder.string(), total_, space.available);
    write_weights(folder);
    write_text(folder / "config.json", dump_json(config_, 2) + "\n");
    for (const fs::directory_entry& entry : fs::directory_iterator(source_)) {
      const fs::path& file = entry.path();
      if (entry.is_regular_file() && file.filename() != "config.json" && !is_weights_file(file))
        fs::copy_file(file, folder / file.filename());
    }
  }

 private:
  struct Adapter {
    double scale;
    PeftAdapter stored;
  };

  void plan() {
    const Fields fields(config_, checkpoint_->source());
    const bool unties = head_changes_ && fields.boolean_or("tie_word_embeddings", false);
    bool fp8 = false;
    for (const TensorInfo& t : checkpoint_->tensors()) {
      const std::optional<StoredTensor> stored = checkpoint_->find(t.name);
      if (!stored || is_scale(t.name) || (unties && t.name == "lm_head.weight")) continue;
      fp8 |= stored->data.dtype() == DType::F8_E4M3;
      add(t.name, t.name, stored->data);
      if (unties && t.name == "model.embed_tokens.weight") add("lm_head.weight", t.name, stored->data);
    }
    if (unties) config_["tie_word_embeddings"] = false;
    config_.erase("quantization_config");
    for (const char* key : {"torch_dtype", "dtype"})
      if (fp8 && config_.contains(key)) config_[key] = "bfloat16";
  }

  /// Whether it belongs to an FP8 matrix, which is written without one.
  bool is_scale(const std::string& name) const {
    constexpr std::string_view kScale = "_scale_inv";
    if (!name.ends_with(kScale)) return false;
    const std::optional<StoredTensor> matrix = checkpoint_->find(name.substr(0, name.size() - kScale.size()));
    return matrix && matrix->data.dtype() == DType::F8_E4M3;
  }

  void add(const std::string& name, const std::string& from, const Tensor& stored) {
    Target target{name, from, stored.dtype(), stored.shape()};
    target.copied = target.dtype != DType::F8_E4M3 && deltas_of(name).empty();
    if (target.dtype == DType::F8_E4M3) target.dtype = DType::BF16;
    total_ += target.bytes();
    targets_.push_back(std::move(target));
  }

  /// What the adapters add to a tensor.
  std::vector<Delta> deltas_of(const std::string& name) const {
    std::vector<Delta> deltas;
    if (!name.ends_with(kWeight)) return deltas;
    const std::string module = name.substr(0, name.size() - kWeight.size());
    for (const auto& [scale, stored] : adapters_) {
      const auto pair = stored.modules().find(module);
      if (pair == stored.modules().end()) continue;
      const auto factor = static_cast<float>(stored.config().scaling(module) * scale);
      deltas.push_back({pair->second.b, device_.backend().prepare(pair->second.a, {}), factor});
    }
    return deltas;
  }

  void write_weights(const fs::path& folder) {
    std::vector<std::vector<const Target*>> shards(1);
    int64_t bytes = 0;
    for (const Target& target : targets_) {
      if (bytes > 0 && bytes + target.bytes() > kShard) {
        shards.emplace_back();
        bytes = 0;
      }
      shards.back().push_back(&target);
      bytes += target.bytes();
    }
    Json map = Json::object();
    for (size_t i = 0; i < shards.size(); ++i) {
      const std::string file = shards.size() == 1
                                   ? "model.safetensors"
                                   : fmt::format("model-{:05}-of-{:05}.safetensors", i + 1, shards.size());
      std::vector<SafetensorsItem> items;
      for (const Target* target : shards[i]) {
        map[target->name] = file;
        items.push_back({target->name, target->dtype, target->shape,
                         [this, target](std::ostream& out) { write_tensor(*target, out); }});
      }
      stream_safetensors(folder / file, std::move(items));
    }
    const Json index = {{"metadata", {{"total_size", total_}}}, {"weight_map", map}};
    if (shards.size() > 1) write_text(folder / "model.safetensors.index.json", dump_json(index, 2) + "\n");
  }

  void write_tensor(const Target& target, std::ostream& out) {
    checkpoint_->prefetch(target.from);
    const StoredTensor stored = checkpoint_->get(target.from);
    const auto* bytes = static_cast<const char*>(stored.data.view().data);
    const int64_t rows = stored.data.view().rows(), columns = stored.data.view().columns();
    const int64_t row_size = columns * info(target.dtype).block_bytes;
    const int64_t step = std::max<int64_t>(1, kChunk / std::max<int64_t>(columns, 1));
    const std::vector<Delta> deltas = deltas_of(target.name);
    std::vector<char> merged;
    for (int64_t begin = 0; begin < rows; begin += step) {
      const int64_t count = std::min(step, rows - begin);
      if (!target.copied) merged = merge_rows(stored, deltas, target.dtype, begin, count);
      out.write(target.copied ? bytes + begin * row_size : merged.data(), count * row_size);
      done_ += count * row_size;
      if (!out.good()) return;  // the writer says why
      if (!progress_(done_, total_)) throw Stopped{};
    }
    checkpoint_->release(target.from);
  }

  /// Rows [begin, begin + count) of W + sum of scale * B A in the dtype to be written.
  std::vector<char> merge_rows(const StoredTensor& stored, std::span<const Delta> deltas, DType dtype, int64_t begin,
                               int64_t count) const {
    const int64_t K = stored.data.dim(-1);
    const DTypeInfo &from = info(stored.data.dtype()), &to = info(dtype);
    const auto* bytes = static_cast<const std::byte*>(stored.data.view().data);
    Tensor sum = Tensor::empty(device_, DType::F32, {count, K});
    device_.threads().parallel_for(count, 1, [&](int64_t first, int64_t last) {
      for (int64_t n = first; n < last; ++n) {
        float* row = sum.view().row(n);
        from.dequantise(bytes + (begin + n) * K * from.block_bytes, row, K);
        if (!stored.scale.defined()) continue;
        const float* scales = stored.scale.view().row((begin + n) / kTile);
        for (int64_t k = 0; k < K; ++k) row[k] *= scales[k / kTile];
      }
    });
    Tensor product = Tensor::like(sum);  // [count, K]
    for (const Delta& d : deltas) {
      const Tensor b = Tensor::from(device_, d.b.rows(begin, count).to_floats(), {count, d.b.dim(1)});
      device_.backend().gemm(product.view(), b.view(), d.a, Direction::transpose);
      device_.backend().scale(product.view(), product.view(), d.scale);
      device_.backend().accumulate(sum.view(), product.view());
    }
    std::vector<char> out(static_cast<size_t>(count * K * to.block_bytes));
    device_.threads().parallel_for(count, 1, [&](int64_t first, int64_t last) {
      to.quantise(sum.view().row(first), nullptr, out.data() + first * K * to.block_bytes, (last - first) * K);
    });
    return out;
  }

  static void write_text(const fs::path& path, const std::string& text) {
    write_file_atomically(path, [&](std::ostream& out) { out << text; });
  }

  fs::path source_;
  Device& device_;
  const std::function<bool(int64_t, int64_t)>& progress_;
  std::unique_ptr<Checkpoint> checkpoint_;
  Json config_;
  std::vector<Adapter> adapters_;
  bool head_changes_ = false;
  std::vector<Target> targets_;
  int64_t total_ = 0, done_ = 0;
};

}  // namespace

bool merge_model(const fs::path& model, const std::vector<AdapterChoice>& adapters, const fs::path& folder,
                 Device& device, const std::function<bool(int64_t done, int64_t total)>& progress) {
  std::error_code error;
  require(!fs::exists(folder, error) || fs::is_empty(folder, error), "{}: exists already", folder.string());
  Merge merge(model, adapters, device, progress);

  const fs::path target = fs::absolute(folder / "").parent_path();  // without a slash at the end
  const fs::path temporary = target.string() + fmt::format(".tmp{}", ::getpid());
  fs::create_directories(temporary, error);
  require(!error, "{}: cannot make the folder: {}", temporary.string(), error.message());
  try {
    merge.write(temporary);
    fs::rename(temporary, target);
    return true;
  } catch (const Stopped&) {
    fs::remove_all(temporary, error);
    return false;
  } catch (const fs::filesystem_error& e) {
    fs::remove_all(temporary, error);
    fail("{}: {}", folder.string(), e.code().message());
  } catch (...) {
    fs::remove_all(temporary, error);
    throw;
  }
}

}  // namespace dure
