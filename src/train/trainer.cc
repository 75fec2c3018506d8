#include "train/trainer.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "models/adapter.h"
#include "models/model_shape.h"
#include "train/gradient_norm.h"

namespace dure {
namespace {

constexpr int kMostSkipped = 3;

/// Matrices are decayed, vectors are not; Muon takes the matrices inside the layers, whose rows and columns are both
/// features, and leaves embedding, head and routers to AdamW.
std::vector<std::unique_ptr<Optimizer>> make_optimizers(const Recipe& recipe, const Parameters& parameters) {
  Parameters orthogonal, matrices, vectors;
  for (const Parameter& p : parameters) {
    const auto is_a = [&](std::string_view text) { return p.name.find(text) != p.name.npos; };
    const bool table = is_a("embed_tokens") || is_a("lm_head") || is_a("shared_head.head") || is_a(".mlp.gate.weight");
    if (p.tensor.shape().rank() != 2)
      vectors.push_back(p);
    else if (recipe.method == Recipe::Method::muon && !table)
      orthogonal.push_back(p);
    else
      matrices.push_back(p);
  }
  AdamWOptions undecayed = recipe.adamw;
  undecayed.weight_decay = 0;
  std::vector<std::unique_ptr<Optimizer>> optimizers;
  optimizers.push_back(std::make_unique<Muon>(orthogonal, recipe.muon));
  optimizers.push_back(std::make_unique<AdamW>(matrices, recipe.adamw));
  optimizers.push_back(std::make_unique<AdamW>(vectors, undecayed));
  return optimizers;
}

NamedTensors state_of(const std::vector<std::unique_ptr<Optimizer>>& optimizers) {
  NamedTensors all;
  for (const auto& optimizer : optimizers)
    for (auto& tensor : optimizer->state()) all.push_back(std::move(tensor));
  return all;
}

struct StartingPoint {
  std::unique_ptr<Checkpoint> checkpoint;
  LoadOptions options = {.trainable = true};
};

/// The base as it is, of any dtype, and an adapter beside it: a new one, or that of the last checkpoint.
StartingPoint adapter_start(const Recipe& recipe, const RunFolder& folder, Device& device) {
  StartingPoint start{open_checkpoint(model_in(recipe.from), device)};
  const auto step = folder.latest();
  const std::filesystem::path adapter = step ? folder.step(*step) : folder.path() / "start";
  if (step) {
    const std::filesystem::path config = adapter / "adapter_config.json";
    require(parse_json(read_file(config), config.string()) == *recipe.lora,
            "{}: it is of another adapter than {} describes", config.string(), recipe.source);
  } else {
    write_new_adapter(adapter, *recipe.lora, model_shape(start.checkpoint->config(), start.checkpoint->source()),
                      recipe.seed);
  }
  start.options = {.adapters = {{.folder = adapter, .trainable = true}}, .in_place = true};
  return start;
}

StartingPoint starting_point(const Recipe& recipe, const RunFolder& folder, Device& device) {
  if (recipe.lora) return adapter_start(recipe, folder, device);
  if (const auto step = folder.latest()) return {open_checkpoint(folder.step(*step) / "trainer", device)};
  if (recipe.config) return {make_new_model(*recipe.config, recipe.source + ": model", recipe.init, device)};
  const std::filesystem::path from = model_in(recipe.from), exact = from / "trainer";
  return {open_checkpoint(std::filesystem::exists(exact / "config.json") ? exact : from, device)};
}

Parameters trained(const Parameters& all) {
  Parameters some;
  std::ranges::copy_if(all, std::back_inserter(some), [](const Parameter& p) { return p.tensor.requires_grad(); });
  return some;
}

}  // namespace

Trainer::Trainer(Recipe recipe, Device& device, const SourceMaker& make_source)
    : recipe_(std::move(recipe)), device_(device), folder_(recipe_.output), load_({}) {
  const StartingPoint start = starting_point(recipe_, folder_, device_);
  config_ = std::make_shared<const Json>(start.checkpoint->config());
  resumed_from_ = folder_.latest();
  require(!resumed_from_ || !recipe_.config || *recipe_.config == *config_,
          "{}: it holds a run of another model than {} describes", folder_.path().string(), recipe_.source);
  model_ = load_model(*start.checkpoint, device_, start.options);
  parameters_ = recipe_.lora ? trained(model_->parameters()) : model_->parameters();
  data_ = make_source(*model_);
  require(data_->vocab_size() <= model_->info().vocab_size, "{}: the data have {} tokens, the model {}", recipe_.source,
          data_->vocab_size(), model_->info().vocab_size);
  if (recipe_.objective == Recipe::Objective::distill) {
    const auto checkpoint = open_checkpoint(model_in(recipe_.distill.teacher), device_);
    teacher_ = load_model(*checkpoint, device_);
    require(teacher_->info().vocab_size == model_->info().vocab_size, "{}: its teacher has {} tokens, the model {}",
            recipe_.source, teacher_->info().vocab_size, model_->info().vocab_size);
  }
  optimizers_ = make_optimizers(recipe_, parameters_);
  load_ = ExpertLoad(parameters_);
  require(model_->can_draft() || recipe_.mtp(0) == 0, "{}: loss: field 'mtp': the model has no MTP layer",
          recipe_.source);
  if (!resumed_from_) return;
  state_ = read_trainer_state(folder_.step(*resumed_from_), state_of(optimizers_), device_);
  for (const auto& optimizer : optimizers_) optimizer->set_steps(state_.step);
  data_->restore(*state_.data);
  saved_ = state_.step;
}

void Trainer::update(double learning_rate) {
  for (const auto& optimizer : optimizers_) optimizer->step(learning_rate);
}

StepReport Trainer::step() {
  const auto begin = std::chrono::steady_clock::now();
  const double progress = static_cast<double>(state_.tokens) / static_cast<double>(recipe_.tokens);
  PretrainOptions options{recipe_.mtp(progress), recipe_.balance, recipe_.recompute};
  if (teacher_ != nullptr) {
    options.teacher = teacher_.get();
    options.share = recipe_.distill.share;
    options.temperature = recipe_.distill.temperature;
  }
  const StepData data = data_->step(static_cast<int64_t>(recipe_.batch_tokens(progress)), recipe_.micro_tokens);
  StepSize size;
  for (const TokenBatch& batch : data.batches) size.add(batch);

  StepReport report;
  load_.clear();
  for (const Parameter& p : parameters_) Tensor(p.tensor).clear_grad();
  const Trace trace = [&](std::string_view name, int layer, const Tensor& value) {
    if (name == "router_experts") load_.count(layer, value);
  };
  for (const TokenBatch& batch : data.batches)
    pretrain_backward(*model_, device_, batch, size, options, trace, report.parts);

  report.loss = report.parts.total(options);
  report.gradient_norm = gradient_norm(parameters_);
  report.learning_rate = recipe_.lr * recipe_.schedule(state_.step, progress);
  report.expert_load = load_.max_over_mean();
  report.skipped = !std::isfinite(report.loss) || !std::isfinite(report.gradient_norm);
  if (!report.skipped && !data.batches.empty()) {
    if (recipe_.clip > 0 && report.gradient_norm > recipe_.clip)
      scale_gradients(parameters_, recipe_.clip / report.gradient_norm);
    update(report.learning_rate);
    load_.move_biases(recipe_.bias_speed(progress));
  }
  skipped_ = report.skipped ? skipped_ + 1 : 0;
  require(skipped_ < kMostSkipped, "step {}: loss {}, gradient norm {}: {} steps in a row were not finite; {}",
          state_.step + 1, report.loss, report.gradient_norm, skipped_, way_back());

  state_.step += 1;
  state_.tokens += data.rows;
  for (const auto& optimizer : optimizers_) optimizer->set_steps(state_.step);
  if (!report.skipped && (done() || state_.step % recipe_.checkpoint_steps == 0)) save();
  report.step = state_.step;
  report.tokens = state_.tokens;
  report.step_tokens = data.rows;
  report.measures = data.measures;
  if (teacher_ != nullptr) report.measures.emplace_back("teacher", report.parts.teacher);
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return report;
}

/// What is left after a run went wrong, for the end of its message.
std::string Trainer::way_back() const {
  if (saved_ < 0) return "there is no checkpoint yet";
  return fmt::format("dure train goes on from {}, perhaps with another optimizer.lr", folder_.step(saved_).string());
}

void Trainer::save() {
  if (saved_ == state_.step) return;
  for (const Parameter& p : parameters_)
    require(std::ranges::all_of(p.tensor.data(), [](float w) { return std::isfinite(w); }),
            "step {}: {} is not finite: no checkpoint of it is made; {}", state_.step, p.name, way_back());
  state_.data = std::make_shared<const Json>(data_->state());
  folder_.add(state_.step, recipe_.keep_checkpoints, [&](const std::filesystem::path& folder) {
    const bool inherits = recipe_.tokenizer.empty() && !recipe_.from.empty();
    if (recipe_.lora)
      save_adapter(folder, *recipe_.lora, parameters_);
    else
      write_model(folder, *config_, *model_, inherits ? model_in(recipe_.from) : recipe_.tokenizer);
    write_trainer_state(folder, state_of(optimizers_), state_);
  });
  saved_ = state_.step;
}

}  // namespace dure
