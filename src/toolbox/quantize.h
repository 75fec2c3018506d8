#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "formats/gguf_source.h"
#include "toolbox/quant_mix.h"

namespace dure {

class ResumableFile;

struct QuantizeOptions {
  QuantOptions mix;
  std::optional<std::filesystem::path> imatrix;  ///< an importance matrix
  GgufSourceOptions source;
};

/// Writes a model as a GGUF file of smaller types, one matrix after the other: memory holds little more than the matrix
/// that is being read, however large the model is (docs/quantisation.md).
class Quantizer {
 public:
  struct Entry {
    std::string name;
    Shape shape;
    DType from, to;
    int64_t bytes;  ///< in the file to be
  };

  /// Opens the model and chooses every tensor's type; reads no weights. `device` outlives this; its threads do the
  /// work. Throws Error if the model or the importance matrix cannot be used.
  Quantizer(const std::filesystem::path& model, QuantizeOptions options, Device& device);
  ~Quantizer();

  const std::vector<Entry>& tensors() const { return tensors_; }
  int64_t bytes() const { return bytes_; }                ///< of the file to be
  int64_t source_bytes() const { return source_bytes_; }  ///< of the tensors now
  double bits_per_weight() const;
  /// What the user should know, a line each.
  const std::vector<std::string>& notes() const { return notes_; }

  /// Bytes done of all; false stops the work.
  using Progress = std::function<bool(int64_t done, int64_t total)>;
  /// Writes the file, going on with what an interrupted run of the same model and options has left. The bytes do not
  /// depend on the number of threads or on interruptions. Returns false if `progress` stopped it; `file`.partial is
  /// kept then.
  /// Throws Error if the file cannot be written, or naming a tensor whose values are not finite.
  bool write(const std::filesystem::path& file, const Progress& progress) const;

 private:
  void read_importance(const std::filesystem::path& path);
  void choose_types();
  void make_head();
  std::string identity() const;
  bool write_matrix(ResumableFile& out, size_t tensor, int64_t matrix, const Progress& progress) const;
  void encode(const GgufRows& rows, const Entry& entry, int64_t begin, int64_t count, const float* importance,
              std::byte* out) const;

  QuantizeOptions options_;
  Device& device_;
  std::unique_ptr<GgufSource> source_;
  std::map<std::string, std::vector<float>, std::less<>> importance_;  // by tensor, [matrices * columns]
  std::string dataset_;                                                // that importance was measured on
  uint32_t dataset_chunks_ = 0;
  std::vector<Entry> tensors_;
  std::vector<std::string> notes_;
  std::string head_;
  int64_t bytes_ = 0, source_bytes_ = 0;
};

}  // namespace dure
