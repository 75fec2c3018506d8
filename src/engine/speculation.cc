#include "engine/speculation.h"

#include <algorithm>
#include <cmath>

namespace dure {
namespace {

constexpr double kStepMemory = 0.97;   // of a measured step after the next one
constexpr double kGuessMemory = 0.98;  // of a guess's outcome after the next one
constexpr double kPrior = 8;           // guesses of its own that say as much of a sequence as all the others do
constexpr double kMargin = 1.05;       // by which a guess must pay
constexpr int kProbe = 32;             // steps: each so-manieth has another number of guesses
constexpr int kGiveUp = 96;            // steps after which a sequence whose guesses lose is followed no more
constexpr int kDeclined = 16;          // new sequences of which one is followed even when guessing loses

}  // namespace

bool DraftLength::follow() {
  if (!options_.adaptive || n_ < 8) return true;
  const Line line = fit();
  const bool pays = acceptance() * (line.c0 + line.c1) > kMargin * (line.c1 + guess_seconds_);
  if (pays || ++declined_ >= kDeclined) {
    declined_ = 0;
    return true;
  }
  return false;
}

int DraftLength::choose(DraftRecord& record, int sequences) {
  if (!record.follow || options_.max_drafts <= 0) return 0;
  if (!options_.adaptive) return options_.max_drafts;
  ++record.steps;
  if (n_ < 1) return 1;
  const double a = (record.kept + kPrior * acceptance()) / (record.tried + kPrior);
  const Line line = fit();
  const double rate = sequences / (line.c0 + line.c1 * sequences);  // tokens per second without guesses
  const double price = kMargin * rate * (line.c1 + guess_seconds_ / sequences);
  int best = 0;
  for (double p = a; best < options_.max_drafts && p > price; p *= a) ++best;
  if (best == 0 && record.steps > kGiveUp) record.follow = false;
  if (record.steps % kProbe == 0) return best == 0 ? 1 : 0;
  return best;
}

void DraftLength::compared(DraftRecord& record, int reached, int kept) {
  const double memory = std::pow(kGuessMemory, reached);
  record.tried = record.tried * memory + reached;
  record.kept = record.kept * memory + kept;
  tried_ = tried_ * memory + reached;
  kept_ = kept_ * memory + kept;
}

void DraftLength::took(int rows, double seconds, int depth, double guessing_seconds) {
  const double plain = seconds - guessing_seconds;
  for (double* sum : {&n_, &rows_, &time_, &square_, &mix_}) *sum *= kStepMemory;
  n_ += 1;
  rows_ += rows;
  time_ += plain;
  square_ += double(rows) * rows;
  mix_ += rows * plain;
  if (depth > 0) guess_seconds_ += (guessing_seconds / depth - guess_seconds_) * (guess_seconds_ == 0 ? 1 : 0.05);
}

/// Least squares; where all steps had about the same rows, a row is taken to cost a quarter of its share.
DraftLength::Line DraftLength::fit() const {
  const double mean_rows = rows_ / n_, mean_time = time_ / n_;
  const double variance = square_ / n_ - mean_rows * mean_rows;
  double c1 = 0.25 * mean_time / mean_rows;
  if (variance > 0.01 * mean_rows) c1 = (mix_ / n_ - mean_rows * mean_time) / variance;
  c1 = std::clamp(c1, 0.01 * mean_time / mean_rows, mean_time / mean_rows);
  return {mean_time - c1 * mean_rows, c1};
}

double DraftLength::seconds(double rows, int depth) const {
  if (n_ < 1) return 0;
  const Line line = fit();
  return line.c0 + line.c1 * rows + guess_seconds_ * depth;
}

}  // namespace dure
