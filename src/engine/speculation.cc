#include "engine/speculation.h"

#include <algorithm>
#include <cmath>
#include <iterator>

namespace dure {
namespace {

constexpr double kStepShare = 0.1;     // of a measured step in what steps of so many rows take
constexpr double kGuessMemory = 0.98;  // of a guess's outcome after the next one
constexpr double kPrior = 8;           // guesses of its own that say as much of a sequence as all the others do
constexpr double kMargin = 1.03;       // by which guessing must pay
constexpr int kProbe = 32;             // steps: each so-manieth has another number of guesses
constexpr int kGiveUp = 96;            // steps after which a sequence whose guesses lose is followed no more
constexpr int kDeclined = 16;          // new sequences of which one is followed even when guessing loses

void mix(double& old, double value, double share) { old = old == 0 ? value : old + (value - old) * share; }

}  // namespace

bool DraftLength::follow() {
  if (!options_.adaptive || steps_ < kProbe || rate(acceptance(), 1, 1) > kMargin * rate(acceptance(), 0, 1) ||
      ++declined_ >= kDeclined) {
    declined_ = 0;
    return true;
  }
  return false;
}

int DraftLength::choose(DraftRecord& record, int sequences) {
  if (!record.follow || options_.max_drafts <= 0) return 0;
  if (!options_.adaptive) return options_.max_drafts;
  ++record.steps;
  if (step_seconds_.empty()) return 1;
  const double a = (record.kept + kPrior * acceptance()) / (record.tried + kPrior);
  int best = 0;
  double most = kMargin * rate(a, 0, sequences);
  for (int k = 1; k <= options_.max_drafts; ++k)
    if (const double r = rate(a, k, sequences); r > most) best = k, most = r;
  if (best == 0 && record.steps > kGiveUp) record.follow = false;
  if (steps_ % kProbe == 0) return best == 0 ? 1 : 0;
  return best;
}

/// Tokens per second if all sequences try so many guesses.
double DraftLength::rate(double a, int drafts, int sequences) const {
  double tokens = 1, right = 1;
  for (int i = 0; i < drafts; ++i) tokens += right *= a;
  return sequences * tokens / (step_seconds(sequences * (1 + drafts)) + guess_seconds_ * drafts);
}

void DraftLength::compared(DraftRecord& record, int reached, int kept) {
  const double memory = std::pow(kGuessMemory, reached);
  record.tried = record.tried * memory + reached;
  record.kept = record.kept * memory + kept;
  tried_ = tried_ * memory + reached;
  kept_ = kept_ * memory + kept;
}

void DraftLength::took(int rows, double seconds, int depth, double guessing_seconds) {
  ++steps_;
  mix(step_seconds_[rows], seconds - guessing_seconds, kStepShare);
  if (depth > 0) mix(guess_seconds_, guessing_seconds / depth, kStepShare);
}

/// Beyond the steps that are known, a row is taken to cost a quarter of its share: little enough to be tried.
double DraftLength::step_seconds(int rows) const {
  const auto above = step_seconds_.lower_bound(rows);
  if (above != step_seconds_.end() && (above->first == rows || above == step_seconds_.begin())) {
    const double share = static_cast<double>(rows) / above->first;
    return above->second * (0.75 + 0.25 * share);
  }
  const auto& [fewer, less] = *std::prev(above);
  if (above == step_seconds_.end()) return less * (0.75 + 0.25 * rows / fewer);
  return less + (above->second - less) * (rows - fewer) / (above->first - fewer);
}

double DraftLength::seconds(int rows, int depth) const {
  return step_seconds_.empty() ? 0 : step_seconds(rows) + guess_seconds_ * depth;
}

}  // namespace dure
