#pragma once

#include <filesystem>
#include <memory>
#include <ostream>
#include <span>

#include "models/model.h"
#include "toolbox/text_windows.h"

namespace dure {

/// Where the logits of a text come from: a model, or a file that an earlier run has written.
class LogitSource {
 public:
  virtual ~LogitSource() = default;
  virtual int vocab_size() const = 0;
  /// Logits of `count` rows of a window, from `first` on: [count, V]. Windows are asked for in order.
  virtual Tensor rows(size_t window, int first, int count) = 0;
};

/// A model that reads each window at once, without a cache. REQUIRES: all three outlive this.
class ModelLogits : public LogitSource {
 public:
  ModelLogits(Model& model, Device& device, std::span<const Window> windows);
  int vocab_size() const override { return model_.info().vocab_size; }
  Tensor rows(size_t window, int first, int count) override;

 private:
  Model& model_;
  Device& device_;
  std::span<const Window> windows_;
  size_t window_;  // the one that hidden_ belongs to
  Tensor hidden_;  // [T, D]
};

/// Passes another source's rows on and writes them to a file of logits, a safetensors file with two tensors: `targets`
/// I32 [N], the tokens that count, and `logits` F32 [N, V]. REQUIRES: every row that counts is asked for once, in
/// order.
class RecordedLogits : public LogitSource {
 public:
  /// Writes what comes before the logits. `source` and `out` outlive this.
  RecordedLogits(LogitSource& source, std::span<const Window> windows, std::ostream& out);
  int vocab_size() const override { return source_.vocab_size(); }
  Tensor rows(size_t window, int first, int count) override;

 private:
  LogitSource& source_;
  std::ostream& out_;
};

/// Such a file. Throws Error if it is none, or was not made from these windows.
std::unique_ptr<LogitSource> open_logits(const std::filesystem::path& path, Device& device,
                                         std::span<const Window> windows);

}  // namespace dure
