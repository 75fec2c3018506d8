#include "toolbox/importance.h"

#include <algorithm>

#include "base/error.h"
#include "formats/gguf_names.h"

namespace dure {

void InputSquares::watch(const Model& model) {
  for (const Parameter& parameter : model.parameters()) {
    const std::vector<GgufPlace> found = gguf_places(parameter.name);
    if (found.empty() || !found.front().name.starts_with("blk.") || parameter.tensor.shape().rank() != 2) continue;
    const GgufPlace& place = found.front();
    const size_t expert = static_cast<size_t>(place.expert.value_or(0)), dot = place.name.find("attn_kv_b.");
    Place to{};
    if (dot == place.name.npos) {
      to = {&sums_[place.name], nullptr, expert};
    } else {  // W_UV is applied as it is stored, W_UK transposed
      const std::string layer = place.name.substr(0, dot);
      to = {&sums_[layer + "attn_v_b.weight"], &sums_[layer + "attn_k_b.weight"], expert};
    }
    for (Sums* sums : {to.forward, to.transpose})
      if (sums != nullptr) sums->counts.resize(std::max(sums->counts.size(), expert + 1));
    places_.emplace(parameter.tensor.view().data, to);
  }
}

void InputSquares::add(const WeightInput& input) {
  const auto found = places_.find(input.weight.data.view().data);
  if (found == places_.end()) return;
  const auto& [forward, transpose, expert] = found->second;
  Sums* sums = input.direction == Direction::forward ? forward : transpose;
  if (sums == nullptr) return;

  const ConstView& x = input.x;
  const size_t columns = static_cast<size_t>(x.columns()), heads = input.heads ? static_cast<size_t>(x.dim(1)) : 1;
  sums->squares.resize(std::max(sums->counts.size(), heads) * columns);
  for (int64_t row = 0; row < x.rows(); ++row) {
    double* squares = &sums->squares[(expert + static_cast<size_t>(row) % heads) * columns];
    for (size_t i = 0; i < columns; ++i) squares[i] += static_cast<double>(x.row(row)[i]) * x.row(row)[i];
  }
  sums->counts[expert] += static_cast<double>(x.rows()) / static_cast<double>(heads);
}

std::map<std::string, Imatrix::Entry, std::less<>> InputSquares::entries() const {
  std::map<std::string, Imatrix::Entry, std::less<>> entries;
  for (const auto& [name, sums] : sums_)
    if (!sums.squares.empty())
      entries[name] = {{sums.squares.begin(), sums.squares.end()}, {sums.counts.begin(), sums.counts.end()}};
  return entries;
}

Imatrix measure_importance(Model& model, InputSquares& inputs, std::span<const int> text,
                           const ImportanceOptions& options,
                           const std::function<void(int64_t done, int64_t total)>& progress) {
  const int64_t context = options.context, whole = static_cast<int64_t>(text.size()) / context;
  require(whole > 0, "a text of {} tokens is too short: expected at least one chunk of {}", text.size(), context);
  const int64_t chunks = options.chunks > 0 ? std::min<int64_t>(whole, options.chunks) : whole;

  inputs.watch(model);
  for (int64_t i = 0; i < chunks; ++i) {
    const std::span<const int> chunk = text.subspan(static_cast<size_t>(i * context), static_cast<size_t>(context));
    std::vector<int> tokens(chunk.begin(), chunk.end());
    if (options.bos >= 0) tokens.front() = options.bos;
    model.forward(single_sequence(std::move(tokens)));
    if (progress) progress(i + 1, chunks);
  }
  return {inputs.entries(), {}, static_cast<uint32_t>(chunks), static_cast<uint32_t>(context)};
}

}  // namespace dure
