#include "models/loader.h"

#include <algorithm>

#include "base/error.h"
#include "ops/view.h"

namespace dure {

Loader::Loader(const Checkpoint& checkpoint, Device& device, const LoadOptions& options)
    : checkpoint_(checkpoint), device_(device), options_(options) {
  for (const TensorInfo& t : checkpoint.tensors()) bytes_total_ += t.bytes;
  for (const AdapterChoice& choice : options.adapters) {
    std::shared_ptr<bool> on;
    if (!choice.name.empty()) {
      require(!choice.trainable, "adapter {}: one that is trained cannot be switched", quote(choice.name));
      on = std::make_shared<bool>(false);
      switches_.push_back({choice.name, on});
    }
    adapters_.push_back({choice, PeftAdapter::open(choice.folder, device), on, {}});
  }
}

bool Loader::has(const std::string& name) const { return checkpoint_.find(name).has_value(); }

/// Brings a mapped tensor into memory, so that the first answer does not wait for the disk.
void Loader::touch(const Tensor& t) {
  constexpr int64_t kPage = 4096, kPiece = 1 << 20;
  const auto* data = static_cast<const volatile std::byte*>(t.view().data);
  device_.threads().parallel_for(t.bytes(), kPiece, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i += kPage) (void)data[i];
  });
}

StoredTensor Loader::take(const std::string& name, const Shape& asked) {
  StoredTensor stored = checkpoint_.get(name, asked);
  require(stored.data.numel() == asked.numel(), "{}: tensor '{}' has shape {}, expected {} elements",
          checkpoint_.source(), name, stored.data.shape(), asked.numel());
  elements_ += asked.numel();
  bytes_done_ += stored.data.bytes();
  if (options_.progress) options_.progress(bytes_done_, bytes_total_);
  return stored;
}

Tensor Loader::to_float(const Tensor& t, const Shape& shape) const {
  return Tensor::from(device_, t.to_floats(), shape);
}

Weight Loader::weight(const std::string& name, int64_t out, int64_t in) {
  Weight w = multiplier(table(name, out, in));
  if (options_.in_place) return w;
  if (w.packed)
    checkpoint_.release(name);
  else if (options_.progress)
    touch(w.data);
  return w;
}

Weight Loader::table(const std::string& name, int64_t out, int64_t in) {
  StoredTensor stored = take(name, {out, in});
  require(stored.data.shape().rank() >= 2 && stored.data.dim(-1) == in,
          "{}: tensor '{}' has shape {}, expected [{}, {}]", checkpoint_.source(), name, stored.data.shape(), out, in);
  require(info(stored.data.dtype()).weight, "{}: tensor '{}' is {}, expected a weight type", checkpoint_.source(), name,
          dure::name(stored.data.dtype()));
  Tensor data = stored.data.alias({out, in});
  if (options_.trainable) {
    require(!stored.scale.defined(), "{}: tensor '{}' is FP8: training starts from F32, BF16 or F16 weights",
            checkpoint_.source(), name);
    data = to_float(data, {out, in});
    data.set_requires_grad(true);
  }
  parameters_.push_back({name, data});
  return {data, stored.scale};
}

Tensor Loader::vector(const std::string& name, int64_t size) {
  const Tensor stored = take(name, {size}).data;
  require(info(stored.dtype()).dequantise != nullptr, "{}: tensor '{}' is {}, expected a float type",
          checkpoint_.source(), name, dure::name(stored.dtype()));
  return to_float(stored, {size});
}

Tensor Loader::buffer(const std::string& name, int64_t size) {
  const Tensor values = vector(name, size);
  parameters_.push_back({name, values});
  return values;
}

Tensor Loader::constants(const std::string& name, int64_t size) {
  const Tensor values = vector(name, size);
  elements_ -= size;
  return values;
}

Tensor Loader::matrix(const std::string& name, int64_t rows, int64_t columns) {
  const Tensor stored = take(name, {rows, columns}).data;
  require(info(stored.dtype()).dequantise != nullptr, "{}: tensor '{}' is {}, expected a float type",
          checkpoint_.source(), name, dure::name(stored.dtype()));
  return to_float(stored, {rows, columns});
}

std::vector<int> Loader::ids(const std::string& name, int64_t rows, int64_t k, int end) {
  const Tensor stored = take(name, {rows, k}).data;
  elements_ -= rows * k;  // no weights
  std::vector<int> ids;
  const auto read = [&](auto values) {
    for (const auto id : values) {
      require(id >= 0 && id < end, "{}: tensor '{}': expected ids below {}, found {}", checkpoint_.source(), name, end,
              id);
      ids.push_back(static_cast<int>(id));
    }
  };
  if (stored.dtype() == DType::I32) {
    read(stored.data<int32_t>());
  } else {
    require(stored.dtype() == DType::I64, "{}: tensor '{}' is {}, expected I32 or I64", checkpoint_.source(), name,
            dure::name(stored.dtype()));
    read(stored.data<int64_t>());
  }
  for (auto row = ids.begin(); row != ids.end(); row += k) std::sort(row, row + k);
  return ids;
}

RmsNorm Loader::norm(const std::string& prefix, int64_t size, double eps) {
  Tensor w = vector(prefix + ".weight", size);
  w.set_requires_grad(options_.trainable);
  parameters_.push_back({prefix + ".weight", w});
  return {w, static_cast<float>(eps)};
}

LayerNorm Loader::layer_norm(const std::string& prefix, int64_t size, double eps) {
  return {vector(prefix + ".weight", size), vector(prefix + ".bias", size), static_cast<float>(eps)};
}

Weight Loader::adapter_matrix(const Adapter& adapter, const std::string& name, const Tensor& stored,
                              const Shape& expected, int interleaved) {
  require(stored.shape() == expected, "{}: tensor '{}' has shape {}, expected {} beside the layer of {}",
          adapter.stored.source(), name, stored.shape(), expected, checkpoint_.source());
  Tensor data = stored;
  std::vector<int> row_order;
  if (interleaved > 0) row_order = interleaved_rows(expected[0], interleaved);
  if (adapter.choice.trainable || !row_order.empty()) data = to_float(data, expected);
  if (!row_order.empty()) data = take_rows(data, row_order);
  data.set_requires_grad(adapter.choice.trainable);
  if (adapter.choice.trainable) parameters_.push_back({name, data, row_order});
  return device_.backend().prepare(data, {});
}

std::vector<Lora> Loader::loras(const std::string& module, int64_t out, int64_t in, int interleaved) {
  std::vector<Lora> list;
  for (Adapter& adapter : adapters_) {
    const auto found = adapter.stored.modules().find(module);
    if (found == adapter.stored.modules().end()) continue;
    adapter.used.insert(module);
    const auto& [a, b] = found->second;
    const std::string name = fmt::format("{}{}", kPeftPrefix, module);
    const int64_t r = a.dim(0);
    list.push_back({adapter_matrix(adapter, name + ".lora_A.weight", a, {r, in}, 0),
                    adapter_matrix(adapter, name + ".lora_B.weight", b, {out, r}, interleaved),
                    static_cast<float>(adapter.stored.config().scaling(module) * adapter.choice.scale), adapter.on});
  }
  return list;
}

void Loader::check_adapters() const {
  for (const Adapter& adapter : adapters_)
    for (const auto& [module, pair] : adapter.stored.modules())
      require(adapter.used.contains(module), "{}: tensors for {}, but {} has no such linear layer",
              adapter.stored.source(), quote(module, 100), checkpoint_.source());
}

Linear Loader::linear(const std::string& prefix, int64_t out, int64_t in, int interleaved) {
  Linear l{weight(prefix + ".weight", out, in), {}, loras(prefix, out, in, interleaved)};
  if (!has(prefix + ".bias")) return l;
  l.bias = vector(prefix + ".bias", out);
  l.bias.set_requires_grad(options_.trainable);
  parameters_.push_back({prefix + ".bias", l.bias});
  return l;
}

MLP Loader::mlp(const std::string& prefix, int64_t hidden, int64_t intermediate, const MlpNames& names) {
  MLP m;
  m.gate_proj = linear(fmt::format("{}.{}", prefix, names.gate), intermediate, hidden);
  m.up_proj = linear(fmt::format("{}.{}", prefix, names.up), intermediate, hidden);
  m.down_proj = linear(fmt::format("{}.{}", prefix, names.down), hidden, intermediate);
  return m;
}

Expert Loader::expert(const std::string& prefix, int64_t hidden, int64_t intermediate, const MlpNames& names) {
  const std::string gate = fmt::format("{}.{}", prefix, names.gate), up = fmt::format("{}.{}", prefix, names.up),
                    down = fmt::format("{}.{}", prefix, names.down);
  return {weight(gate + ".weight", intermediate, hidden),
          weight(up + ".weight", intermediate, hidden),
          weight(down + ".weight", hidden, intermediate),
          loras(gate, intermediate, hidden),
          loras(up, intermediate, hidden),
          loras(down, hidden, intermediate)};
}

std::vector<int> interleaved_rows(int64_t rows, int head_dim) {
  std::vector<int> order(static_cast<size_t>(rows));
  for (int i = 0; i < static_cast<int>(rows); ++i) {
    const int in_head = i % head_dim;
    order[static_cast<size_t>(i)] = i - in_head + in_head % 2 * (head_dim / 2) + in_head / 2;
  }
  return order;
}

double read_rope_theta(const Fields& config) {
  double theta = config.number_or("rope_theta", 10000);
  if (const Json* p = config.find("rope_parameters")) {
    const Fields parameters(*p, config.source());
    if (parameters.has("rope_theta")) theta = parameters.number("rope_theta");
  }
  require(theta > 1, "{}: field 'rope_theta': expected more than 1, found {}", config.source(), theta);
  return theta;
}

RopeScaling read_rope_scaling(const Fields& config) {
  const Json* found = config.find("rope_parameters");
  if (found == nullptr) found = config.find("rope_scaling");
  if (found == nullptr) return {};
  const Fields scaling(*found, config.source());

  RopeScaling s;
  const std::string type = scaling.string_or("rope_type", scaling.string_or("type", "default"));
  if (type == "default") return {};
  if (type == "linear") {
    s.type = RopeScaling::Type::linear;
  } else if (type == "llama3") {
    s.type = RopeScaling::Type::llama3;
  } else if (type == "yarn") {
    s.type = RopeScaling::Type::yarn;
  } else {
    fail("{}: rope_scaling type {} is not supported, expected linear, llama3 or yarn", config.source(), quote(type));
  }
  s.factor = scaling.number("factor");
  require(s.factor > 0, "{}: rope_scaling factor: expected more than 0, found {}", config.source(), s.factor);
  constexpr int kMaxContext = 1 << 30;
  s.original_max_position_embeddings = scaling.has("original_max_position_embeddings")
                                           ? scaling.integer("original_max_position_embeddings", 1, kMaxContext)
                                           : config.integer_or("max_position_embeddings", 2048, 1, kMaxContext);
  s.beta_fast = scaling.number_or("beta_fast", s.beta_fast);
  s.beta_slow = scaling.number_or("beta_slow", s.beta_slow);
  s.mscale = scaling.number_or("mscale", 0);
  s.mscale_all_dim = scaling.number_or("mscale_all_dim", 0);
  s.attention_factor = scaling.number_or("attention_factor", 0);
  s.low_freq_factor = scaling.number_or("low_freq_factor", s.low_freq_factor);
  s.high_freq_factor = scaling.number_or("high_freq_factor", s.high_freq_factor);
  require(s.beta_fast > 0 && s.beta_slow > 0 && s.low_freq_factor > 0 && s.high_freq_factor > s.low_freq_factor,
          "{}: rope_scaling: beta and frequency factors are positive, low_freq_factor below high_freq_factor",
          config.source());
  return s;
}

}  // namespace dure
