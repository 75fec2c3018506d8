#include "train/expert_load.h"

#include <algorithm>
#include <charconv>
#include <numeric>

namespace dure {
namespace {

double mean(const std::vector<int64_t>& rows) {
  return static_cast<double>(std::accumulate(rows.begin(), rows.end(), int64_t{0})) / static_cast<double>(rows.size());
}

}  // namespace

ExpertLoad::ExpertLoad(const Parameters& parameters) {
  constexpr std::string_view kLayer = "model.layers.";
  for (const Parameter& p : parameters) {
    if (!p.name.starts_with(kLayer) || !p.name.ends_with(".e_score_correction_bias")) continue;
    int layer = -1;
    std::from_chars(p.name.data() + kLayer.size(), p.name.data() + p.name.size(), layer);
    biases_.emplace(layer, p.tensor);
  }
}

void ExpertLoad::count(int layer, const Tensor& ids) {
  std::vector<int64_t>& rows = rows_[layer];
  if (const auto bias = biases_.find(layer); bias != biases_.end())
    rows.resize(static_cast<size_t>(bias->second.numel()));
  for (const int id : ids.data<int>()) {
    if (static_cast<size_t>(id) >= rows.size()) rows.resize(static_cast<size_t>(id) + 1);
    ++rows[static_cast<size_t>(id)];
  }
}

double ExpertLoad::max_over_mean() const {
  double sum = 0;
  for (const auto& [layer, rows] : rows_) sum += static_cast<double>(*std::ranges::max_element(rows)) / mean(rows);
  return rows_.empty() ? 0 : sum / static_cast<double>(rows_.size());
}

void ExpertLoad::move_biases(double speed) {
  for (auto& [layer, bias] : biases_) {
    const auto found = rows_.find(layer);
    if (found == rows_.end()) continue;
    const double even = mean(found->second);
    for (size_t e = 0; e < found->second.size(); ++e) {
      const auto rows = static_cast<double>(found->second[e]);
      bias.data()[e] -= static_cast<float>(rows > even ? speed : rows < even ? -speed : 0);
    }
  }
}

}  // namespace dure
