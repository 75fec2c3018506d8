#include "sampling/penalties.h"

#include <algorithm>
#include <limits>

namespace dure {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kMax = std::numeric_limits<float>::max();

float penalised(float z, const SamplingParams& p, int times_in_output) {
  if (z == -kInfinity) return z;
  z = std::clamp(z > 0 ? z / p.repetition_penalty : z * p.repetition_penalty, -kMax, kMax);
  z -= p.frequency_penalty * float(times_in_output);
  if (times_in_output > 0) z -= p.presence_penalty;
  return std::clamp(z, -kMax, kMax);
}

}  // namespace

void apply_penalties(std::span<float> logits, const SamplingParams& p, std::span<const int> history, int prompt_length,
                     std::vector<int>& occurrences) {
  if (p.repetition_penalty == 1 && p.frequency_penalty == 0 && p.presence_penalty == 0) return;
  const size_t window = p.repeat_last_n < 0 ? history.size() : std::min(history.size(), size_t(p.repeat_last_n));

  // occurrences[id] is 0 for a token not met yet, else 1 + its count in the output.
  occurrences.resize(logits.size());
  std::vector<int> met;
  for (size_t i = history.size() - window; i < history.size(); ++i) {
    const int id = history[i];
    if (id < 0 || size_t(id) >= logits.size()) continue;
    if (occurrences[id] == 0) {
      occurrences[id] = 1;
      met.push_back(id);
    }
    if (i >= size_t(prompt_length)) ++occurrences[id];
  }
  for (int id : met) {
    logits[id] = penalised(logits[id], p, occurrences[id] - 1);
    occurrences[id] = 0;
  }
}

void apply_logit_bias(std::span<float> logits, const SamplingParams& p) {
  for (const auto& [id, bias] : p.logit_bias)
    logits[id] = bias <= -100 ? -kInfinity : std::min(logits[id] + bias, kMax);
}

}  // namespace dure
