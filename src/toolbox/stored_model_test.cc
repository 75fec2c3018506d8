#include "toolbox/stored_model.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "backend/registry.h"
#include "base/error.h"
#include "base/json.h"
#include "toolbox/quantize.h"
#include "toolbox/shapes.h"

namespace dure {
namespace {

ModelShape shape_of(const std::string& name) { return model_shape(shape_config(name), name); }

double without_mtp(const ModelShape& shape) {
  double sum = 0;
  for (const ParameterShape& p : shape.parameters)
    if (p.part != Part::mtp) sum += static_cast<double>(p.shape.numel());
  return sum;
}

/// Parameters that the publishers count, and those active for a token in the models with experts.
TEST(Shapes, HaveThePublishedNumberOfParameters) {
  const struct {
    const char* name;
    double parameters;  // 10^9; of V3 without the scale factors that Hugging Face counts too
  } kPublished[] = {
      {"deepseek-v2-lite", 15.706},
      {"deepseek-v2", 235.741},
      {"deepseek-v3", 684.490},
      {"deepseek-v3.2", 685.356},
      {"moonlight-16b-a3b", 15.960},
      {"r1-distill-qwen-1.5b", 1.777},
      {"r1-distill-qwen-7b", 7.616},
      {"r1-distill-qwen-14b", 14.770},
      {"r1-distill-qwen-32b", 32.764},
      {"r1-distill-llama-8b", 8.030},
      {"r1-distill-llama-70b", 70.554},
      {"qwen3-0.6b", 0.596},
      {"qwen3-1.7b", 1.721},
      {"qwen3-4b", 4.022},
      {"qwen3-8b", 8.191},
      {"qwen3-14b", 14.768},
      {"qwen3-32b", 32.762},
      {"qwen3-30b-a3b", 30.532},
      {"qwen3-235b-a22b", 235.094},
  };
  for (const auto& [name, parameters] : kPublished)
    EXPECT_NEAR(static_cast<double>(shape_of(name).info.parameters) / 1e9, parameters, 0.001) << name;
  EXPECT_NEAR(without_mtp(shape_of("deepseek-v4-flash")) / 1e9, 284.3, 0.05);
  EXPECT_NEAR(without_mtp(shape_of("deepseek-v4-pro")) / 1e9, 1573, 0.5);
  EXPECT_EQ(shape_names().size(), std::size(kPublished) + 3);  // R1 is a V3
  EXPECT_NEAR(static_cast<double>(shape_of("deepseek-r1").info.active_parameters) / 1e9, 37.5, 0.5);
  EXPECT_NEAR(static_cast<double>(shape_of("qwen3-30b-a3b").info.active_parameters) / 1e9, 3.35, 0.05);
}

TEST(Shapes, NamesThoseThereAre) {
  EXPECT_EQ(shape_config("DeepSeek-R1-Distill-Qwen-7B"), shape_config("r1-distill-qwen-7b"));
  try {
    shape_config("gpt-2");
    FAIL();
  } catch (const Error& e) {
    EXPECT_TRUE(std::string(e.what()).starts_with("shape 'gpt-2': expected one of deepseek-v2-lite, ")) << e.what();
  }
}

/// Sizes of published files, 10^9 bytes: bartowski's GGUFs, and DeepSeek's own index for V3 with its scales.
TEST(StoredModel, HasTheSizeOfPublishedFiles) {
  const struct {
    const char *shape, *type;
    double bytes;
  } kPublished[] = {
      {"deepseek-v2-lite", "q4_k_m", 10.36},   {"deepseek-v2-lite", "q8_0", 16.70},
      {"r1-distill-llama-8b", "q4_k_m", 4.92}, {"r1-distill-qwen-1.5b", "q8_0", 1.89},
      {"r1-distill-qwen-7b", "q4_k_m", 4.68},
  };
  for (const auto& [name, type, bytes] : kPublished) {
    const StoredModel m = as_quantised(shape_of(name), shape_config(name), find_quant_type(type));
    EXPECT_NEAR(static_cast<double>(m.file_bytes) / 1e9, bytes, bytes * 0.01) << name << " " << type;
  }
  const StoredModel v3 = as_released(shape_of("deepseek-v3"), shape_config("deepseek-v3"));
  EXPECT_NEAR(static_cast<double>(v3.file_bytes) / 1e9, 688.59, 1);
}

/// Bytes of the tensors that `dure quantize` would write; nothing for a model that GGUF cannot express.
std::optional<int64_t> quantised_bytes(const std::filesystem::path& folder, const QuantType& type, Device& device) {
  try {
    QuantizeOptions options;
    options.mix.type = type;
    const Quantizer quantizer(folder, options, device);
    int64_t bytes = 0;
    for (const Quantizer::Entry& t : quantizer.tensors())
      if (t.name != "rope_freqs.weight") bytes += t.bytes;  // a constant of the format
    return bytes;
  } catch (const Error&) {
    return {};
  }
}

TEST(StoredModel, TakesWhatDureQuantizeWrites) {
  const std::unique_ptr<Device> device = make_device({.backend = "reference", .threads = 1});
  int compared = 0;
  for (const auto& folder : std::filesystem::directory_iterator(DURE_TESTS_DIR "/fixtures/models")) {
    if (!std::filesystem::exists(folder.path() / "config.json")) continue;
    for (const char* name : {"bf16", "q8_0", "q6_k", "q4_k_m", "q4_0"}) {
      SCOPED_TRACE(folder.path().string() + " " + name);
      const QuantType& type = find_quant_type(name);
      const std::optional<int64_t> written = quantised_bytes(folder.path(), type, *device);
      if (!written) continue;
      const std::unique_ptr<Checkpoint> checkpoint = open_checkpoint(folder.path(), *device);
      const Json& config = checkpoint->config();
      double planned = 0;
      for (const StoredParameter& p : as_quantised(model_shape(config, checkpoint->source()), config, type).parameters)
        planned += p.bytes;
      EXPECT_NEAR(planned, static_cast<double>(*written), 1);
      ++compared;
    }
  }
  EXPECT_GT(compared, 50);
}

TEST(StoredModel, CountsWhatATokenReads) {
  const StoredModel qwen = as_released(shape_of("r1-distill-qwen-1.5b"), shape_config("r1-distill-qwen-1.5b"));
  EXPECT_NEAR(qwen.total_weight_bytes(1) / 1e9, 3.088, 0.005);  // all but the embedding
  EXPECT_EQ(qwen.total_weight_bytes(1), qwen.total_weight_bytes(8));
  EXPECT_NEAR(qwen.operations() / 1e9, 2.62, 0.01);

  const StoredModel lite =
      as_quantised(shape_of("deepseek-v2-lite"), shape_config("deepseek-v2-lite"), find_quant_type("q4_0"));
  EXPECT_NEAR(lite.total_weight_bytes(1) / 1e9, 1.445, 0.015);
  EXPECT_NEAR(lite.operations() / 1e9, 4.48, 0.05);
  EXPECT_LT(lite.total_weight_bytes(1), lite.total_weight_bytes(4));
  EXPECT_LT(lite.total_weight_bytes(1e6), static_cast<double>(lite.file_bytes));

  const StoredModel v4 = as_released(shape_of("deepseek-v4-flash"), shape_config("deepseek-v4-flash"));
  std::map<DType, double> read = v4.weight_bytes(1);
  EXPECT_NEAR(read[DType::MXFP4] / 1e9, 43 * 6 * 3 * 2048 * 4096e-9 * 17 / 32, 0.001);  // the chosen experts
  EXPECT_NEAR(read[DType::F8_E4M3] / 1e9, 5.86, 0.01);
  EXPECT_NEAR(v4.total_weight_bytes(1) / 1e9, 11.15, 0.01);

  const StoredModel tied = as_released(shape_of("qwen3-0.6b"), shape_config("qwen3-0.6b"));
  EXPECT_TRUE(tied.tied);
  EXPECT_NEAR(tied.total_weight_bytes(1), static_cast<double>(tied.file_bytes), 1e6);
}

}  // namespace
}  // namespace dure
