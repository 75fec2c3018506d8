#pragma once

#include <functional>
#include <map>
#include <span>
#include <unordered_map>

#include "backend/observed.h"
#include "formats/imatrix.h"
#include "models/model.h"

namespace dure {

/// Sums the squares of what goes into each weight of a model's layers, for an importance matrix.
class InputSquares {
 public:
  /// To be the observer of the model's device. This object outlives the device.
  InputObserver observer() {
    return [this](const WeightInput& input) { add(input); };
  }
  /// Names the weights; those of other models and the head are not looked at. REQUIRES: no model is watched yet.
  void watch(const Model& model);
  /// What was seen so far, under GGUF names: all experts of a layer as one weight, MLA's kv_b_proj as its two halves.
  std::map<std::string, Imatrix::Entry, std::less<>> entries() const;

 private:
  struct Sums {
    std::vector<double> squares;  // [matrices, columns]
    std::vector<double> counts;   // [experts] or [1]
  };
  struct Place {
    Sums *forward, *transpose;  // by the direction in which the weight is applied
    size_t expert;
  };
  void add(const WeightInput& input);

  std::map<std::string, Sums, std::less<>> sums_;
  std::unordered_map<const void*, Place> places_;  // by where the weight lies
};

struct ImportanceOptions {
  int context = 512;  ///< tokens of a chunk
  int chunks = 0;     ///< how many at most; 0: all of the text
  int bos = -1;       ///< stands in place of a chunk's first token; -1: nothing does
};

/// Runs whole chunks of `text` through a model, each from position 0, as llama.cpp's llama-imatrix does. `inputs` is
/// the observer of the model's device. Throws Error if the text is shorter than a chunk.
Imatrix measure_importance(Model& model, InputSquares& inputs, std::span<const int> text,
                           const ImportanceOptions& options,
                           const std::function<void(int64_t done, int64_t total)>& progress = {});

}  // namespace dure
