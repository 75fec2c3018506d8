// Losses, gradients and three AdamW steps of small models of every architecture against PyTorch's.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <set>

#include "backend/registry.h"
#include "base/file.h"
#include "base/json.h"
#include "models/model.h"
#include "ops/cross_entropy.h"
#include "ops/tape.h"
#include "train/adamw.h"

namespace dure {
namespace {

const std::string kModels = DURE_TESTS_DIR "/fixtures/models/";

double l2(std::span<const float> values) {
  double sum = 0;
  for (const float v : values) sum += double(v) * v;
  return std::sqrt(sum);
}

std::vector<float> difference(std::span<const float> a, std::span<const float> b) {
  std::vector<float> d(a.begin(), a.end());
  for (size_t i = 0; i < d.size(); ++i) d[i] -= b[i];
  return d;
}

/// The sequences packed one after the other, each from position 0, with the token after it as each row's label.
struct Example {
  Batch batch;
  std::vector<int> labels;  // [T]

  Example(const Json& sequences, const Json& sequence_labels) {
    batch.starts = {0};
    for (size_t s = 0; s < sequences.size(); ++s) {
      const auto tokens = sequences[s].get<std::vector<int>>(), own = sequence_labels[s].get<std::vector<int>>();
      batch.tokens.insert(batch.tokens.end(), tokens.begin(), tokens.end());
      for (size_t i = 0; i < tokens.size(); ++i) batch.positions.push_back(static_cast<int>(i));
      batch.starts.push_back(batch.rows());
      labels.insert(labels.end(), own.begin() + 1, own.end());
      labels.push_back(-100);  // nothing follows the last token
    }
  }
};

/// What is recorded of training a model; or, for an adapter, of training it beside a frozen base.
Json training_golden(const std::string& name) {
  const Json golden = parse_json(read_file(kModels + name + "/golden.json"), "golden.json");
  if (!golden.contains("training")) return golden;
  Json training = golden["training"];
  training["base_model"] = golden["base_model"];
  return training;
}

std::unique_ptr<Model> load_trainable(const std::string& name, const Json& golden, Device& device) {
  if (!golden.contains("base_model"))
    return load_model(*open_checkpoint(kModels + name, device), device, {.trainable = true});
  const std::string base = kModels + golden["base_model"].get<std::string>();
  return load_model(*open_checkpoint(base, device), device,
                    {.adapters = {{.folder = kModels + name, .trainable = true}}});
}

class Training : public testing::TestWithParam<std::tuple<std::string, std::string>> {
 protected:
  Training()
      : golden(training_golden(model_name())),
        device(make_device({std::get<1>(GetParam()), 2})),
        model(load_trainable(model_name(), golden, *device)) {
    for (const Parameter& p : model->parameters())
      if (p.tensor.requires_grad()) trained.push_back(p);
  }

  static std::string model_name() { return std::get<0>(GetParam()); }

  Tensor loss(size_t step) const {
    const Example e(golden["batches"][step], golden["labels"][step]);
    return cross_entropy(model->logits(model->forward(e.batch)), Tensor::from(*device, e.labels));
  }
  double tolerance(const char* what) const { return golden["tolerance"].value(what, 1e-3); }
  void expect_loss(const Tensor& loss, const Json& expected) const {
    EXPECT_NEAR(loss.data()[0], expected.get<double>(), tolerance("loss_abs"));
  }

  const Json golden;
  const std::unique_ptr<Device> device;
  const std::unique_ptr<Model> model;
  Parameters trained;
};

TEST_P(Training, WhatIsTrainedIsWhatPyTorchTrains) {
  std::multiset<std::string> found, expected;
  for (const Parameter& p : trained) found.insert(p.name);
  for (const auto& [name, norm] : golden["grad_l2"].items()) expected.insert(name);
  EXPECT_EQ(found, expected);
}

TEST_P(Training, Gradients) {
  backward(loss(0));
  double squares = 0;
  for (const auto& [name, p, row_order] : trained) {
    SCOPED_TRACE(name);
    ASSERT_TRUE(p.grad().defined());
    const std::span<const float> grad = p.grad().data();
    const double norm = l2(grad), expected = golden["grad_l2"][name].get<double>();
    squares += norm * norm;
    EXPECT_NEAR(norm, expected, tolerance("grad_l2_rel") * expected);

    if (!golden["grad_full"].contains(name)) continue;
    const auto full = golden["grad_full"][name]["grad"].get<std::vector<float>>();
    double largest = 0;
    for (const float v : full) largest = std::max<double>(largest, std::fabs(v));
    ASSERT_EQ(grad.size(), full.size());
    for (size_t i = 0; i < full.size(); ++i) EXPECT_NEAR(grad[i], full[i], 1e-4 * largest + 1e-7) << "element " << i;
  }
  const double total = golden["grad_total_norm"].get<double>();
  EXPECT_NEAR(std::sqrt(squares), total, tolerance("grad_l2_rel") * total);
}

TEST_P(Training, ThreeStepsOfAdamW) {
  const Json& settings = golden["adamw"];
  AdamW optimizer(model->parameters(), {.beta1 = settings["betas"][0].get<double>(),
                                        .beta2 = settings["betas"][1].get<double>(),
                                        .eps = settings["eps"].get<double>(),
                                        .weight_decay = settings["weight_decay"].get<double>()});
  std::vector<std::vector<float>> before;
  for (const Parameter& p : trained) before.push_back(p.tensor.to_floats());

  for (size_t step = 0; step < 3; ++step) {
    const Tensor l = loss(step);
    expect_loss(l, golden["losses_step_0_1_2"][step]);
    optimizer.zero_grad();
    backward(l);
    optimizer.step(settings["lr"].get<double>());
  }
  expect_loss(loss(0), golden["loss_batch0_after_3_steps"]);

  for (size_t i = 0; i < before.size(); ++i) {
    const auto& [name, p, row_order] = trained[i];
    SCOPED_TRACE(name);
    const double norm = golden["param_l2_after_3_steps"][name].get<double>();
    const double update = golden["update_l2_after_3_steps"][name].get<double>();
    EXPECT_NEAR(l2(p.data()), norm, tolerance("param_l2_rel") * norm);
    EXPECT_NEAR(l2(difference(p.data(), before[i])), update, 0.02 * update);

    // Where a gradient is near 1e-8, rounding decides its sign and so the direction of Adam's step: single elements
    // may differ by as much as steps of opposite sign do, the whole by next to nothing.
    if (!golden.contains("param_full_after_3_steps") || !golden["param_full_after_3_steps"].contains(name)) continue;
    const auto full = golden["param_full_after_3_steps"][name].get<std::vector<float>>();
    ASSERT_EQ(p.data().size(), full.size());
    EXPECT_LE(l2(difference(p.data(), full)), 0.02 * update);
  }
}

std::vector<std::string> training_models() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(kModels))
    for (const char* kind : {"grad-", "lora-"})
      if (entry.path().filename().string().starts_with(kind)) names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

INSTANTIATE_TEST_SUITE_P(Models, Training,
                         testing::Combine(testing::ValuesIn(training_models()), testing::ValuesIn(backends())),
                         [](const auto& info) {
                           std::string name = std::get<0>(info.param) + "_" + std::get<1>(info.param);
                           for (char& c : name)
                             if (c == '-' || c == '/') c = '_';
                           return name;
                         });

}  // namespace
}  // namespace dure
