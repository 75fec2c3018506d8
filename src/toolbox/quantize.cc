#include "toolbox/quantize.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "formats/imatrix.h"
#include "toolbox/resumable_file.h"

namespace dure {
namespace {

namespace fs = std::filesystem;

constexpr uint32_t kQuantizationVersion = 2;             // of GGUF's block formats
constexpr std::string_view kWriter = "dure quantize 1";  // counted up when the same input gives other bytes
constexpr int64_t kChunk = int64_t{1} << 22;             // elements that are encoded before they are written
constexpr int64_t kGrain = int64_t{1} << 14;             // elements that a thread takes at once

int64_t columns_of(const Shape& shape) { return shape.rank() == 0 ? 1 : shape.back(); }

int64_t rows_of_matrix(const Shape& shape) { return shape.numel() / columns_of(shape) / matrices(shape); }

bool quantised(DType dtype) { return info(dtype).block > 1; }

/// What changes when a file does.
std::string state_of(const fs::path& file) {
  std::error_code error;
  const auto time = fs::last_write_time(file, error).time_since_epoch().count();
  return fmt::format("{} {} {}\n", file.filename().string(), fs::file_size(file, error), time);
}

}  // namespace

Quantizer::Quantizer(const fs::path& model, QuantizeOptions options, Device& device)
    : options_(std::move(options)), device_(device), source_(open_gguf_source(model, device, options_.source)) {
  if (options_.imatrix) read_importance(*options_.imatrix);
  choose_types();
  make_head();
}

Quantizer::~Quantizer() = default;

double Quantizer::bits_per_weight() const {
  double bytes = 0, weights = 0;
  for (const Entry& entry : tensors_) {
    bytes += static_cast<double>(entry.bytes);
    weights += static_cast<double>(entry.shape.numel());
  }
  return weights == 0 ? 0 : 8 * bytes / weights;
}

void Quantizer::read_importance(const fs::path& path) {
  const Imatrix imatrix = read_imatrix(path);
  size_t unknown = 0, matrices_in_model = 0;
  for (const GgufSource::Entry& entry : source_->tensors()) {
    if (entry.shape.rank() < 2 || entry.name == "token_embd.weight") continue;
    ++matrices_in_model;
    const Imatrix::Entry* found = imatrix.find(entry.name);
    if (found == nullptr) {
      ++unknown;
      continue;
    }
    std::vector<float> means = found->means();
    const size_t expected = static_cast<size_t>(matrices(entry.shape) * entry.shape.back());
    require(means.size() == expected, "{}: {} has {} columns, but the model's has {}", path.string(), quote(entry.name),
            means.size(), expected);
    importance_.emplace(entry.name, std::move(means));
  }
  require(!importance_.empty(), "{}: knows none of the model's tensors", path.string());
  if (unknown > 0)
    notes_.push_back(fmt::format("{}: nothing about {} of {} matrices, which are quantised without it", path.string(),
                                 unknown, matrices_in_model));
  options_.mix.importance = true;
  if (!imatrix.datasets.empty()) dataset_ = imatrix.datasets.front();
  dataset_chunks_ = imatrix.chunks;
}

void Quantizer::choose_types() {
  std::vector<QuantTensor> tensors;
  for (const GgufSource::Entry& entry : source_->tensors()) tensors.push_back({entry.name, entry.shape, entry.dtype});
  const GgufModel& model = source_->model();
  const std::vector<DType> types =
      quant_mix(options_.mix, {model.architecture, model.layers, model.heads, model.kv_heads, model.experts}, tensors);
  size_t again = 0;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const GgufSource::Entry& entry = source_->tensors()[i];
    require(entry.shape.numel() > 0, "tensor {} is empty", quote(entry.name));
    const int64_t columns = columns_of(entry.shape);
    const int64_t bytes = entry.shape.numel() / columns * row_bytes(types[i], columns);
    require(types[i] == entry.dtype || info(entry.dtype).dequantise != nullptr, "tensor {}: {} cannot be quantised",
            quote(entry.name), name(entry.dtype));
    again += quantised(entry.dtype) && types[i] != entry.dtype;
    tensors_.push_back({entry.name, entry.shape, entry.dtype, types[i], bytes});
    source_bytes_ += entry.bytes;
  }
  if (again > 0)
    notes_.push_back(fmt::format("{} tensors are quantised already; quantising them again costs quality", again));
}

void Quantizer::make_head() {
  GgufHead head;
  std::vector<std::string_view> replaced = {"general.file_type", "general.quantization_version"};
  if (options_.imatrix) replaced.push_back("quantize.imatrix.");
  source_->add_metadata(head, replaced);
  head.add("general.file_type", options_.mix.type.file_type);
  head.add("general.quantization_version", kQuantizationVersion);
  if (options_.imatrix) {
    head.add("quantize.imatrix.file", options_.imatrix->filename().string());
    if (!dataset_.empty()) head.add("quantize.imatrix.dataset", dataset_);
    head.add("quantize.imatrix.entries_count", static_cast<uint32_t>(importance_.size()));
    if (dataset_chunks_ > 0) head.add("quantize.imatrix.chunks_count", dataset_chunks_);
  }
  for (const Entry& entry : tensors_) head.add_tensor(entry.name, entry.to, entry.shape);
  head_ = head.head();
  bytes_ = static_cast<int64_t>(head_.size() + head.data_bytes());
}

/// Everything that decides the file's bytes.
std::string Quantizer::identity() const {
  std::string text(kWriter);
  text += head_;
  for (const fs::path& file : source_->files()) text += state_of(file);
  if (options_.imatrix) text += state_of(*options_.imatrix);
  return text;
}

bool Quantizer::write(const fs::path& file, const Progress& progress) const {
  std::error_code error;
  for (const fs::path& source : source_->files())
    require(!fs::equivalent(source, file, error), "{}: is the model that is read; write to another file",
            file.string());
  ResumableFile out(file, identity());
  const fs::space_info space = fs::space(out.partial(), error);
  const auto missing = static_cast<uintmax_t>(bytes_ - out.bytes());
  require(error || missing <= space.available, "{}: needs {} more bytes, but {} are free", file.string(), missing,
          space.available);

  size_t part = 0;
  for (size_t t = 0; t < tensors_.size(); ++t)
    for (int64_t m = 0; m < matrices(tensors_[t].shape); ++m, ++part)
      if (part >= out.parts()) {
        if (part == 0) out.append(std::as_bytes(std::span(head_)));
        try {
          if (!write_matrix(out, t, m, progress)) return false;
        } catch (...) {
          if (!out.failed()) out.discard();  // the model is at fault, and would be again
          throw;
        }
        if (m + 1 == matrices(tensors_[t].shape)) {
          const uint64_t bytes = static_cast<uint64_t>(tensors_[t].bytes);
          const std::string padding(GgufHead::padded(bytes) - bytes, '\0');
          out.append(std::as_bytes(std::span(padding)));
        }
        out.end_part();
        if (!progress(out.bytes(), bytes_)) return false;
      }
  out.finish();
  return true;
}

bool Quantizer::write_matrix(ResumableFile& out, size_t tensor, int64_t matrix, const Progress& progress) const {
  const Entry& entry = tensors_[tensor];
  const std::unique_ptr<GgufRows> rows = source_->open(tensor, matrix);
  const int64_t columns = columns_of(entry.shape), count = rows_of_matrix(entry.shape);
  const int64_t bytes = row_bytes(entry.to, columns);
  const int64_t step = std::max<int64_t>(1, kChunk / columns);
  const auto importance = importance_.find(entry.name);
  const float* weights = importance == importance_.end() ? nullptr : importance->second.data() + matrix * columns;
  const bool copy = entry.from == entry.to && !rows->stored().empty();

  std::vector<std::byte> buffer(copy ? 0 : static_cast<size_t>(std::min(step, count) * bytes));
  for (int64_t begin = 0; begin < count; begin += step) {
    const int64_t n = std::min(step, count - begin);
    const auto chunk = copy ? rows->stored().subspan(static_cast<size_t>(begin * bytes), static_cast<size_t>(n * bytes))
                            : std::span<const std::byte>(buffer).first(static_cast<size_t>(n * bytes));
    if (!copy) encode(*rows, entry, begin, n, weights, buffer.data());
    out.append(chunk);
    if (!progress(out.bytes() + (begin + n) * bytes, bytes_)) return false;
  }
  return true;
}

/// Rows [begin, begin + count) in the type they are to have.
void Quantizer::encode(const GgufRows& rows, const Entry& entry, int64_t begin, int64_t count, const float* importance,
                       std::byte* out) const {
  const int64_t columns = columns_of(entry.shape), bytes = row_bytes(entry.to, columns);
  const int64_t grain = std::max<int64_t>(1, kGrain / columns);
  device_.threads().parallel_for(count, grain, [&](int64_t first, int64_t last) {
    std::vector<float> values(static_cast<size_t>((last - first) * columns));
    rows.read(begin + first, last - first, values.data());
    for (int64_t r = first; r < last; ++r) {
      const float* row = values.data() + (r - first) * columns;
      if (quantised(entry.to))
        require(std::all_of(row, row + columns, [](float v) { return std::isfinite(v); }),
                "tensor {}: row {} has values that are not finite", quote(entry.name), begin + r);
      info(entry.to).quantise(row, importance, out + r * bytes, columns);
    }
  });
}

}  // namespace dure
