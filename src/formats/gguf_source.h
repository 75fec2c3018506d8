#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formats/gguf_metadata.h"
#include "formats/gguf_writer.h"

namespace dure {

/// What of a model goes into a GGUF file, and how.
struct GgufSourceOptions {
  bool mtp = true;  ///< of a Hugging Face folder, the MTP layers too
  std::string pre;  ///< tokenizer.ggml.pre; empty: the one that fits the folder's tokenizer
};

/// Rows of one matrix, ready to be read. Its pages of the source file leave memory with it.
class GgufRows {
 public:
  virtual ~GgufRows() = default;
  /// Rows [begin, begin + count) as float32. Safe from several threads at once.
  virtual void read(int64_t begin, int64_t count, float* values) const = 0;
  /// The bytes as they are stored, if they are stored as the file would have them; else nothing.
  virtual std::span<const std::byte> stored() const { return {}; }
};

/// A stored model as the tensors and metadata that a GGUF file of it has: a Hugging Face folder translated, or a GGUF
/// file as it is. Nothing is held in memory but what is being read.
class GgufSource {
 public:
  struct Entry {
    std::string name;  ///< in the GGUF file
    Shape shape;       ///< [K], [N, K], or [E, N, K]: a stack of E matrices
    DType dtype;       ///< what it has now; a folder's floats count as F32
    int64_t bytes;     ///< that it takes now
  };
  virtual ~GgufSource() = default;

  const std::vector<Entry>& tensors() const { return entries_; }
  const GgufModel& model() const { return model_; }
  /// The files that hold it, for telling whether any has changed.
  const std::vector<std::filesystem::path>& files() const { return files_; }

  /// All metadata but those whose keys begin with one of `replaced`, which the caller writes.
  virtual void add_metadata(GgufHead& head, std::span<const std::string_view> replaced) const = 0;
  /// Matrix `matrix` of a stack, or the one there is.
  virtual std::unique_ptr<GgufRows> open(size_t tensor, int64_t matrix) const = 0;

 protected:
  std::vector<Entry> entries_;
  GgufModel model_;
  std::vector<std::filesystem::path> files_;
};

/// Opens a folder in Hugging Face layout, or a GGUF file or the first of its parts. `device` outlives the source.
/// Throws Error for damaged files, tensors that have no place in GGUF, missing ones, and models that Dure does not run.
std::unique_ptr<GgufSource> open_gguf_source(const std::filesystem::path& model, Device& device,
                                             const GgufSourceOptions& options = {});

std::unique_ptr<GgufSource> open_hf_gguf_source(const std::filesystem::path& folder, Device& device,
                                                const GgufSourceOptions& options);

/// How many matrices a tensor of this shape is a stack of.
inline int64_t matrices(const Shape& shape) { return shape.rank() == 3 ? shape[0] : 1; }

}  // namespace dure
