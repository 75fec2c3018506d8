#pragma once

#include <functional>
#include <memory>

#include "train/expert_load.h"
#include "train/pretrain.h"
#include "train/recipe.h"
#include "train/run_folder.h"

namespace dure {

/// What happened in one step.
struct StepReport {
  int64_t step = 0, tokens = 0;  ///< of the run so far
  int64_t step_tokens = 0;
  double loss = 0;  ///< what was minimised
  PretrainLoss parts;
  double learning_rate = 0;
  double gradient_norm = 0;  ///< before it is clipped
  double expert_load = 0;    ///< rows of the busiest expert over the mean, averaged over routers; 0 without any
  double seconds = 0;
  bool skipped = false;                                  ///< loss or gradient was not finite: nothing was changed
  std::vector<std::pair<std::string, double>> measures;  ///< what the data have to say of themselves
};

/// Opens the data of a run whose model is there.
using SourceMaker = std::function<std::unique_ptr<StepSource>(Model& model)>;

/// A training run, step by step. Whatever happens in a step is a function of the recipe, of the data and of the step
/// before: not of the number of threads, nor of how often the run was stopped and resumed.
class Trainer {
 public:
  /// Makes the recipe's model, or goes on from the last checkpoint in its output folder. `device` outlives this and
  /// computes as the recipe says. Throws Error if something does not fit together.
  Trainer(Recipe recipe, Device& device, const SourceMaker& make_source);

  bool done() const { return state_.tokens >= recipe_.tokens; }
  /// One update of all parameters. Saves a checkpoint where the recipe wants one, and at the end.
  /// Throws Error after three steps in a row whose loss or gradient was not finite: the weights are then those before
  /// the first of them.
  StepReport step();
  /// Makes a checkpoint of now, if the last one is older. Throws Error if a weight is not finite, or the disk is full;
  /// older checkpoints are then as they were.
  void save();

  int64_t steps() const { return state_.step; }
  int64_t tokens() const { return state_.tokens; }
  const Recipe& recipe() const { return recipe_; }
  Model& model() { return *model_; }
  const Parameters& parameters() const {
    return parameters_;
  }  ///< what is trained: all of the model's, or an adapter's
  const Json& config() const { return *config_; }
  std::optional<int64_t> resumed_from() const { return resumed_from_; }

 private:
  void update(double learning_rate);
  std::string way_back() const;

  Recipe recipe_;
  Device& device_;
  RunFolder folder_;
  std::unique_ptr<StepSource> data_;
  std::shared_ptr<const Json> config_;
  std::unique_ptr<Model> model_;
  std::unique_ptr<Model> teacher_;  // of a distillation
  Parameters parameters_;           // those that are trained
  std::vector<std::unique_ptr<Optimizer>> optimizers_;
  ExpertLoad load_;
  TrainerState state_;
  std::optional<int64_t> resumed_from_;
  int64_t saved_ = -1;  // step of the last checkpoint
  int skipped_ = 0;     // steps in a row
};

}  // namespace dure
