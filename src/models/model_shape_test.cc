#include "models/model_shape.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <map>

#include "backend/registry.h"
#include "base/json.h"

namespace dure {
namespace {

using Shapes = std::map<std::string, std::vector<int64_t>>;

/// Every model of the fixtures asks for what its checkpoint holds, no more and no less.
TEST(ModelShape, IsThatOfTheCheckpoint) {
  const std::unique_ptr<Device> device = make_device({.backend = "reference", .threads = 1});
  for (const auto& folder : std::filesystem::directory_iterator(DURE_TESTS_DIR "/fixtures/models")) {
    if (!std::filesystem::exists(folder.path() / "config.json")) continue;
    SCOPED_TRACE(folder.path().string());
    const std::unique_ptr<Checkpoint> checkpoint = open_checkpoint(folder.path(), *device);
    Shapes stored, asked;
    for (const TensorInfo& t : checkpoint->tensors()) {
      if (t.name.ends_with("_scale_inv") || t.name.ends_with(".scale")) continue;
      const Shape stored_shape = checkpoint->get(t.name).data.shape();  // of 4-bit floats not that of their bytes
      stored[t.name] = {stored_shape.begin(), stored_shape.end()};
    }
    const ModelShape shape = model_shape(checkpoint->config(), checkpoint->source());
    for (const ParameterShape& p : shape.parameters) asked[p.name] = {p.shape.begin(), p.shape.end()};
    EXPECT_EQ(asked, stored);

    const std::unique_ptr<Model> model = load_model(*checkpoint, *device);
    EXPECT_EQ(shape.info.parameters, model->info().parameters);
    EXPECT_EQ(shape.info.active_parameters, model->info().active_parameters);
    EXPECT_EQ(shape.cache_planes.size(), model->cache_planes().size());
    EXPECT_EQ(shape.tied(), !stored.contains("lm_head.weight") && !stored.contains("head.weight"));
  }
}

TEST(ModelShape, TellsWhichExpertsATokenUses) {
  const std::string path = DURE_TESTS_DIR "/fixtures/models/ds3-tiny/config.json";
  const std::unique_ptr<Device> device = make_device({.backend = "reference", .threads = 1});
  const std::unique_ptr<Checkpoint> checkpoint = open_checkpoint(DURE_TESTS_DIR "/fixtures/models/ds3-tiny", *device);
  const Json& config = checkpoint->config();
  EXPECT_DOUBLE_EQ(model_shape(config, path).expert_share,
                   config["num_experts_per_tok"].get<double>() / config["n_routed_experts"].get<double>());
}

}  // namespace
}  // namespace dure
