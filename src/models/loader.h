#pragma once

#include <set>

#include "base/json.h"
#include "formats/peft_adapter.h"
#include "models/model.h"
#include "nn/linear.h"
#include "nn/mlp.h"
#include "nn/rotary.h"

namespace dure {

/// What the three matrices of a gated feed-forward layer are called.
struct MlpNames {
  std::string_view gate = "gate_proj", up = "up_proj", down = "down_proj";
};

/// Turns a checkpoint's tensors into weights, checking names and shapes, and keeps the list of parameters.
class Loader {
 public:
  Loader(const Checkpoint& checkpoint, Device& device, const LoadOptions& options);

  Device& device() const { return device_; }
  bool has(const std::string& name) const;
  /// A matrix [out, in], or any tensor that has as many rows of `in` elements.
  Weight weight(const std::string& name, int64_t out, int64_t in);
  /// The same to look rows up in, as an embedding does, but not to multiply with.
  Weight table(const std::string& name, int64_t rows, int64_t width);
  /// A table's matrix to multiply with.
  Weight multiplier(const Weight& table) {
    return options_.in_place ? table : device_.backend().prepare(table.data, table.scale);
  }
  /// What the adapters add to the linear layer `module`, y [out] = W x [in]. For layers that linear() and expert() do
  /// not make. `interleaved`: see interleaved_rows(); 0: rows in the order of Hugging Face.
  std::vector<Lora> loras(const std::string& module, int64_t out, int64_t in, int interleaved = 0);
  /// PREFIX.weight and, if it is there, PREFIX.bias; with what adapters add.
  Linear linear(const std::string& prefix, int64_t out, int64_t in, int interleaved = 0);
  RmsNorm norm(const std::string& prefix, int64_t size, double eps);
  LayerNorm layer_norm(const std::string& prefix, int64_t size, double eps);
  MLP mlp(const std::string& prefix, int64_t hidden, int64_t intermediate, const MlpNames& names = {});
  Expert expert(const std::string& prefix, int64_t hidden, int64_t intermediate, const MlpNames& names = {});
  /// A float32 vector that belongs to the model but not to the optimizer: a router's bias.
  Tensor buffer(const std::string& name, int64_t size);
  /// The same, not counted as part of the model: GGUF's frequency factors.
  Tensor constants(const std::string& name, int64_t size);
  /// A float32 matrix that belongs to the model but not to the optimizer.
  Tensor matrix(const std::string& name, int64_t rows, int64_t columns);
  /// Rows of `k` ids below `end`, I32 or I64; each row sorted.
  std::vector<int> ids(const std::string& name, int64_t rows, int64_t k, int end);

  /// Throws Error if an adapter has tensors for a layer that nobody asked for.
  void check_adapters() const;

  const std::vector<AdapterSwitch>& switches() const { return switches_; }
  const Parameters& parameters() const { return parameters_; }
  int64_t elements() const { return elements_; }

 private:
  struct Adapter {
    AdapterChoice choice;
    PeftAdapter stored;
    std::shared_ptr<const bool> on;           // null: always
    std::set<std::string, std::less<>> used;  // modules
  };
  Weight adapter_matrix(const Adapter& adapter, const std::string& name, const Tensor& stored, const Shape& expected,
                        int interleaved);
  StoredTensor take(const std::string& name, const Shape& asked);
  Tensor vector(const std::string& name, int64_t size);
  Tensor to_float(const Tensor& t, const Shape& shape) const;
  void touch(const Tensor& t);

  const Checkpoint& checkpoint_;
  Device& device_;
  const LoadOptions& options_;
  std::vector<Adapter> adapters_;
  std::vector<AdapterSwitch> switches_;
  Parameters parameters_;
  int64_t elements_ = 0, bytes_done_ = 0, bytes_total_ = 0;
};

/// A GGUF file of a Llama has the rows of q and k in another order: where Hugging Face puts the two channels of a head
/// that turn together half a head apart, it puts them side by side. Row i there is row interleaved_rows(...)[i] here.
std::vector<int> interleaved_rows(int64_t rows, int head_dim);

/// rope_theta and rope_scaling (or, since transformers 5, rope_parameters) of a config.
double read_rope_theta(const Fields& config);
RopeScaling read_rope_scaling(const Fields& config);

}  // namespace dure
