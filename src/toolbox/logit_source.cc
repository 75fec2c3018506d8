#include "toolbox/logit_source.h"

#include <algorithm>
#include <numeric>

#include "base/error.h"
#include "base/json.h"
#include "formats/safetensors.h"

namespace dure {
namespace {

std::vector<int> targets(std::span<const Window> windows) {
  std::vector<int> ids;
  for (const Window& w : windows)
    for (int row = w.first; row < w.first + w.rows(); ++row) ids.push_back(w.target(row));
  return ids;
}

class SavedLogits : public LogitSource {
 public:
  SavedLogits(const std::filesystem::path& path, Device& device, std::span<const Window> windows) : windows_(windows) {
    const Safetensors file = Safetensors::open(path);
    const auto load = [&](const char* name, DType dtype, int rank) {
      require(file.contains(name), "{}: expected a tensor {}, as dure eval perplexity --save-logits writes it",
              file.source(), quote(name));
      Tensor t = file.load(name, device);
      require(t.dtype() == dtype && t.shape().rank() == rank, "{}: tensor {}: expected {} with {} dimensions",
              file.source(), quote(name), dure::name(dtype), rank);
      return t;
    };
    const Tensor saved = load("targets", DType::I32, 1);
    logits_ = load("logits", DType::F32, 2);
    require(std::ranges::equal(saved.data<int>(), targets(windows)) && logits_.dim(0) == saved.dim(0),
            "{}: made from another text, tokenizer, or windows of another size", file.source());
    begins_.resize(windows.size());
    std::transform_exclusive_scan(windows.begin(), windows.end(), begins_.begin(), int64_t{0}, std::plus<>(),
                                  [](const Window& w) { return int64_t{w.rows()}; });
  }
  int vocab_size() const override { return static_cast<int>(logits_.dim(1)); }
  Tensor rows(size_t window, int first, int count) override {
    return logits_.rows(begins_[window] + first - windows_[window].first, count);
  }

 private:
  std::span<const Window> windows_;
  std::vector<int64_t> begins_;  // of each window, the first of its rows in the file
  Tensor logits_;                // [N, V]
};

}  // namespace

ModelLogits::ModelLogits(Model& model, Device& device, std::span<const Window> windows)
    : model_(model), device_(device), windows_(windows), window_(windows.size()) {
  const int vocab = vocab_size();
  for (const Window& w : windows)
    for (const int id : w.ids) require(id >= 0 && id < vocab, "token id {}: the vocabulary has {} entries", id, vocab);
}

Tensor ModelLogits::rows(size_t window, int first, int count) {
  if (window_ != window) {
    Batch b;
    b.tokens = windows_[window].ids;
    b.positions.resize(b.tokens.size());
    std::iota(b.positions.begin(), b.positions.end(), 0);
    b.starts = {0, b.rows()};
    hidden_ = model_.forward(b);  // [T, D]
    window_ = window;
  }
  return model_.logits(hidden_.rows(first, count));
}

RecordedLogits::RecordedLogits(LogitSource& source, std::span<const Window> windows, std::ostream& out)
    : source_(source), out_(out) {
  const std::vector<int> ids = targets(windows);
  const int64_t n = static_cast<int64_t>(ids.size()), vocab = source.vocab_size();
  const int64_t ids_end = n * static_cast<int64_t>(sizeof(int)), end = ids_end + n * vocab * int64_t{sizeof(float)};
  const Json header = {{"targets", {{"dtype", "I32"}, {"shape", {n}}, {"data_offsets", {0, ids_end}}}},
                       {"logits", {{"dtype", "F32"}, {"shape", {n, vocab}}, {"data_offsets", {ids_end, end}}}}};
  std::string text = dump_json(header);
  text.resize((text.size() + 7) / 8 * 8, ' ');
  const uint64_t length = text.size();
  out.write(reinterpret_cast<const char*>(&length), sizeof(length));
  out << text;
  out.write(reinterpret_cast<const char*>(ids.data()), ids_end);
}

Tensor RecordedLogits::rows(size_t window, int first, int count) {
  Tensor logits = source_.rows(window, first, count);  // [count, V]
  out_.write(static_cast<const char*>(logits.view().data), logits.bytes());
  return logits;
}

std::unique_ptr<LogitSource> open_logits(const std::filesystem::path& path, Device& device,
                                         std::span<const Window> windows) {
  return std::make_unique<SavedLogits>(path, device, windows);
}

}  // namespace dure
