#include "formats/llama2c.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "formats/mapped_tensor.h"
#include "formats/safetensors.h"

namespace dure {
namespace {

using Bytes = std::span<const std::byte>;

// Far above any such file, and low enough that no product of sizes overflows.
constexpr int kMaxSize = 1 << 22, kMaxLayers = 1 << 10;

/// The arrays of the file, one after another.
class Arrays {
 public:
  Arrays(Bytes bytes, const std::string& source, std::shared_ptr<const void> owner, Device& device)
      : bytes_(bytes), source_(source), owner_(std::move(owner)), device_(device) {}

  Tensor next(const Shape& shape) {
    const uint64_t size = static_cast<uint64_t>(shape.numel()) * sizeof(float);
    require(size <= bytes_.size(), "{}: cut short: {} bytes where {} of {} floats are expected", source_, bytes_.size(),
            shape, shape.numel());
    const Bytes array = bytes_.subspan(0, size);
    bytes_ = bytes_.subspan(size);
    return mapped_tensor(device_, DType::F32, shape, array, owner_);
  }
  size_t left() const { return bytes_.size(); }

 private:
  Bytes bytes_;
  const std::string& source_;
  std::shared_ptr<const void> owner_;
  Device& device_;
};

/// llama2.c rotates neighbouring rows of a head, Hugging Face row i with row i + half: row 2i + j goes to j * half + i.
Tensor reorder_rows(const Tensor& w, int64_t heads) {  // w: [heads * head_dim, D]
  Tensor reordered = Tensor::like(w);
  const int64_t head_dim = w.dim(0) / heads, half = head_dim / 2, columns = w.dim(1);
  for (int64_t row = 0; row < w.dim(0); ++row) {
    const int64_t head = row / head_dim, r = row % head_dim;
    const int64_t to = head * head_dim + r % 2 * half + r / 2;
    std::copy_n(ConstView(w.view()).row(row), columns, reordered.view().row(to));
  }
  return reordered;
}

Llama2c read_header(Bytes bytes, const std::string& source, bool& shared_classifier) {
  int32_t header[7];
  require(bytes.size() >= sizeof(header), "{}: {} bytes, expected a llama2.c model", source, bytes.size());
  std::memcpy(header, bytes.data(), sizeof(header));
  shared_classifier = header[5] > 0;
  if (!shared_classifier && header[5] != std::numeric_limits<int32_t>::min()) header[5] = -header[5];
  const auto field = [&](int i, const char* name, int max) {
    require(header[i] >= 1 && header[i] <= max, "{}: {}: expected 1 to {}, found {}; not a llama2.c model", source,
            name, max, header[i]);
    return static_cast<int>(header[i]);
  };
  Llama2c model{field(0, "dim", kMaxSize),         field(1, "hidden_dim", kMaxSize),
                field(2, "n_layers", kMaxLayers),  field(3, "n_heads", kMaxSize),
                field(4, "n_kv_heads", kMaxSize),  field(5, "vocab_size", kMaxSize),
                field(6, "max_seq_len", kMaxSize), {}};
  require(model.dim % (2 * model.n_heads) == 0 && model.n_heads % model.n_kv_heads == 0,
          "{}: dim {} in {} heads over {} key-value heads does not divide", source, model.dim, model.n_heads,
          model.n_kv_heads);
  return model;
}

}  // namespace

Llama2c parse_llama2c(Bytes bytes, const std::string& source, std::shared_ptr<const void> owner, Device& device) {
  bool shared_classifier = false;
  Llama2c model = read_header(bytes, source, shared_classifier);
  const int64_t L = model.n_layers, D = model.dim, H = model.hidden_dim, V = model.vocab_size;
  const int64_t head_dim = D / model.n_heads, kv = head_dim * model.n_kv_heads;

  Arrays arrays(bytes.subspan(7 * sizeof(int32_t)), source, std::move(owner), device);
  const Tensor tok_embeddings = arrays.next({V, D});
  const Tensor attention_norm = arrays.next({L, D});
  const Tensor wq = arrays.next({L, D, D});
  const Tensor wk = arrays.next({L, kv, D});
  const Tensor wv = arrays.next({L, kv, D});
  const Tensor wo = arrays.next({L, D, D});
  const Tensor ffn_norm = arrays.next({L, D});
  const Tensor w1 = arrays.next({L, H, D});
  const Tensor w2 = arrays.next({L, D, H});
  const Tensor w3 = arrays.next({L, H, D});
  const Tensor norm = arrays.next({D});
  arrays.next({2, model.max_seq_len, head_dim / 2});  // cosines and sines, which follow from their positions
  const Tensor output = shared_classifier ? Tensor() : arrays.next({V, D});
  require(arrays.left() == 0, "{}: {} bytes more than the header's sizes add up to", source, arrays.left());

  const auto add = [&](std::string name, Tensor t) { model.tensors.emplace_back(std::move(name), std::move(t)); };
  add("model.embed_tokens.weight", tok_embeddings);
  for (int64_t i = 0; i < L; ++i) {
    const std::string prefix = fmt::format("model.layers.{}.", i);
    const auto vector = [&](const Tensor& t) { return t.rows(i, 1).alias({D}); };
    const auto matrix = [&](const Tensor& t) { return t.rows(i, 1).alias({t.dim(1), t.dim(2)}); };
    add(prefix + "input_layernorm.weight", vector(attention_norm));
    add(prefix + "self_attn.q_proj.weight", reorder_rows(matrix(wq), model.n_heads));
    add(prefix + "self_attn.k_proj.weight", reorder_rows(matrix(wk), model.n_kv_heads));
    add(prefix + "self_attn.v_proj.weight", matrix(wv));
    add(prefix + "self_attn.o_proj.weight", matrix(wo));
    add(prefix + "post_attention_layernorm.weight", vector(ffn_norm));
    add(prefix + "mlp.gate_proj.weight", matrix(w1));
    add(prefix + "mlp.down_proj.weight", matrix(w2));
    add(prefix + "mlp.up_proj.weight", matrix(w3));
  }
  add("model.norm.weight", norm);
  if (output.defined()) add("lm_head.weight", output);
  return model;
}

Llama2c open_llama2c(const std::filesystem::path& path, Device& device) {
  std::shared_ptr<const MappedFile> file = MappedFile::open(path);
  const Bytes bytes = file->bytes();
  return parse_llama2c(bytes, path.string(), std::move(file), device);
}

Json Llama2c::config() const {
  const bool tied =
      std::none_of(tensors.begin(), tensors.end(), [](const auto& t) { return t.first == "lm_head.weight"; });
  return {{"architectures", {"LlamaForCausalLM"}},
          {"model_type", "llama"},
          {"hidden_size", dim},
          {"intermediate_size", hidden_dim},
          {"num_hidden_layers", n_layers},
          {"num_attention_heads", n_heads},
          {"num_key_value_heads", n_kv_heads},
          {"vocab_size", vocab_size},
          {"max_position_embeddings", max_seq_len},
          {"rms_norm_eps", 1e-5},  // this and what follows are constants of llama2.c's run.c
          {"rope_theta", 10000.0},
          {"hidden_act", "silu"},
          {"tie_word_embeddings", tied},
          {"bos_token_id", 1},
          {"eos_token_id", 2},
          {"torch_dtype", "float32"}};
}

void write_hf_folder(const Llama2c& model, const std::filesystem::path& folder) {
  write_safetensors(folder / "model.safetensors", model.tensors);
  write_file_atomically(folder / "config.json",
                        [&](std::ostream& out) { out << dump_json(model.config(), 2) << '\n'; });
}

}  // namespace dure
