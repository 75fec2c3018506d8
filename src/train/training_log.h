#pragma once

#include <filesystem>
#include <fstream>

#include "train/event_file.h"
#include "train/trainer.h"

namespace dure {

/// log.jsonl of a run: one JSON object a step, with `step`, `tokens`, `loss`, `main`, `mtp`, `balance`, `lr`,
/// `grad_norm`, `expert_load`, `seconds`, `tokens_per_second` and `memory` (bytes), `skipped` where nothing was
/// changed, and StepReport::measures. A line is on its way to the disk when append() returns. Beside it
/// events.out.tfevents.0.dure has the same for TensorBoard, made anew from the log whenever the run goes on.
class TrainingLog {
 public:
  /// Goes on with the file if there is one, without the steps after `step`, which will come again.
  TrainingLog(const std::filesystem::path& path, int64_t step);

  /// Throws Error if the line cannot be written.
  void append(const StepReport& report);

 private:
  void add_events(const Json& line, double wall_time);

  std::string path_;
  EventFile events_;
  std::ofstream out_;
};

/// Floating-point operations that training on one token takes, a multiply-add being two: 6 for each weight that it is
/// multiplied with, and attention to `positions` earlier tokens, forward and twice backward (Chowdhery et al., "PaLM",
/// 2022, appendix B). What recomputation adds does not count.
double training_operations(const Json& config, const std::string& source, double positions, bool mtp);

}  // namespace dure
