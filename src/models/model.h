#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "formats/checkpoint.h"
#include "nn/kv_cache.h"

namespace dure {

struct Parameter {
  std::string name;  ///< as in the checkpoint, or in the adapter
  Tensor tensor;
  /// Where the base is stored with its rows in another order, so are an adapter's: row i is row_order[i] of the file.
  std::vector<int> row_order = {};
};
using Parameters = std::vector<Parameter>;

/// An adapter that can be turned on and off between two batches.
struct AdapterSwitch {
  std::string name;
  std::shared_ptr<bool> on;
};

/// What a model is, for `dure info` and for the engine.
struct ModelInfo {
  std::string model_type;
  int vocab_size = 0, hidden_size = 0, num_hidden_layers = 0;
  int max_position_embeddings = 0;
  int64_t parameters = 0;         ///< all of them, each shared one once
  int64_t active_parameters = 0;  ///< those that one token uses
  /// Multiply-adds of one row with one position of the cache, over all heads and layers.
  int64_t attention_products = 0;
};

/// A language model. Its forward pass is written once and serves prefill, batched decode and training.
class Model {
 public:
  virtual ~Model() = default;

  /// Hidden states after the final norm, one for each row of the batch: [T, D]. Of DeepSeek-V4 the streams that its
  /// head collapses, side by side: [T, n D].
  virtual Tensor forward(const Batch& b) = 0;
  /// [rows, D] -> [rows, V]; asked only for the rows that need it.
  virtual Tensor logits(const Tensor& hidden) = 0;
  /// Multi-token prediction (DeepSeek-V3, section 2.2): row t holds the hidden state of token t and `tokens` the token
  /// after it; returns logits for the token after that, [T, V]. Throws Error if the model has no such layer.
  Tensor draft(const Tensor& hidden, const Batch& next_tokens) {
    return draft_logits(draft_hidden(hidden, next_tokens));
  }
  /// Its two halves: the hidden states after the layer's own norm [T, D], and its head, [rows, D] -> [rows, V].
  virtual Tensor draft_hidden(const Tensor& hidden, const Batch& next_tokens) = 0;
  virtual Tensor draft_logits(const Tensor& hidden) = 0;
  virtual bool can_draft() const = 0;

  virtual const Parameters& parameters() const = 0;
  /// For each layer of the cache what it keeps of a token; those that draft() needs come last, if it is to be called.
  virtual std::vector<std::vector<CachePlane>> cache_planes(bool drafting = false) const = 0;
  virtual const ModelInfo& info() const = 0;
  /// The adapters that have names, in the order of LoadOptions.
  virtual const std::vector<AdapterSwitch>& adapters() const = 0;
};

/// Batches that follow go through one of the model's named adapters, by its place in adapters(); through none for -1.
void switch_adapter(const Model& model, int index);

/// A LoRA adapter to load with a model.
struct AdapterChoice {
  std::filesystem::path folder;  ///< as PEFT saves it (docs/formats/peft.md)
  double scale = 1;              ///< times the adapter's own
  std::string name = {};         ///< of one that is off until it is chosen, see switch_adapter(); empty: always on
  bool trainable = false;        ///< its matrices become float32 copies that require gradients; the base need not
};

struct LoadOptions {
  /// Parameters become float32 copies that require gradients; otherwise they stay in the file as they are.
  bool trainable = false;
  /// What those that are on add sums up. Over a base of any dtype, quantised ones included.
  std::vector<AdapterChoice> adapters = {};
  /// Weights are used where the checkpoint has them, as a rule in a mapped file, and multiplied in float32, also where
  /// kernels would be faster on a copy in their own order: for models about as large as the memory, or to start at
  /// once.
  bool in_place = false;
  /// Called now and then with the bytes read so far and in all; then everything is brought into memory, unless it
  /// stays in place. May be empty.
  std::function<void(int64_t done, int64_t total)> progress = {};
};

/// Makes the model that the checkpoint's config asks for. `device` outlives it.
/// Throws Error if the architecture is unknown, or a field or tensor is missing or has the wrong shape; so it does for
/// an adapter's tensor that fits no linear layer of the model.
std::unique_ptr<Model> load_model(const Checkpoint& checkpoint, Device& device, const LoadOptions& options = {});

}  // namespace dure
