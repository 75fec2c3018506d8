#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "backend/registry.h"
#include "base/file.h"
#include "base/json.h"
#include "formats/temporary_folder.h"
#include "toolbox/quantize.h"
#include "toolbox/sequence_run.h"

// What a model file means must not depend on its format: the fixtures written as GGUF by `dure quantize`.
namespace dure {
namespace {

std::filesystem::path fixture(const std::string& name) {
  return std::filesystem::path(DURE_TESTS_DIR "/fixtures/models") / name;
}

Json golden_of(const std::string& name) { return parse_json(read_file(fixture(name) / "golden.json"), "golden.json"); }

/// Writes the fixture in that type; returns the file, which goes with the folder.
std::filesystem::path quantised(const std::string& name, std::string_view type, const TemporaryFolder& folder) {
  const std::unique_ptr<Device> device = make_device();
  const std::filesystem::path file = folder / "model.gguf";
  Quantizer(fixture(name), {{find_quant_type(type), {}, {}, {}, false}, {}, {}}, *device)
      .write(file, [](int64_t, int64_t) { return true; });
  return file;
}

struct Loaded {
  std::unique_ptr<Device> device;
  std::unique_ptr<Checkpoint> checkpoint;
  std::unique_ptr<Model> model;
};

Loaded load(const std::filesystem::path& path, const std::string& backend) {
  Loaded l;
  DeviceOptions options;
  options.backend = backend;
  l.device = make_device(options);
  l.checkpoint = open_checkpoint(path, *l.device);
  l.model = load_model(*l.checkpoint, *l.device);
  return l;
}

/// Logits at the end of each golden sequence, MTP's after them where the model drafts.
std::vector<std::vector<float>> last_logits(Loaded& l, const Json& golden) {
  std::vector<std::vector<float>> all;
  const Json& sequences = golden.at("sequences");
  for (size_t i = 0; i < sequences.size(); ++i) {
    const auto ids = sequences[i].at("input_ids").get<std::vector<int>>();
    SequenceRun run(*l.model, *l.device, 1, static_cast<int>(ids.size()), DType::F32);
    Batch next;
    const Tensor hidden = run.feed({ids}, nullptr, &next);  // [T, D]
    all.push_back(l.model->logits(hidden.rows(hidden.dim(0) - 1, 1)).to_floats());
    if (!golden.contains("mtp") || !l.model->can_draft()) continue;
    next.tokens = golden["mtp"]["sequences"][i].at("mtp_input_ids").get<std::vector<int>>();
    const Tensor drafts = l.model->draft(hidden, next);
    all.push_back(drafts.rows(drafts.dim(0) - 1, 1).to_floats());
  }
  return all;
}

class GgufGolden : public testing::TestWithParam<const char*> {};

}  // namespace

TEST_P(GgufGolden, GivesTheReferenceLogits) {
  const TemporaryFolder folder;
  const Json golden = golden_of(GetParam());
  Loaded l = load(quantised(GetParam(), "f32", folder), "auto");
  const double tolerance = golden["tolerance"]["f32_engine_max_abs_logit"];
  const bool mtp = golden.contains("mtp");
  EXPECT_EQ(l.model->can_draft(), mtp);
  const auto logits = last_logits(l, golden);
  for (size_t i = 0; i < golden["sequences"].size(); ++i) {
    const Json& expected = golden["sequences"][i]["last_logits"];
    const std::vector<float>& got = logits[mtp ? 2 * i : i];
    for (size_t v = 0; v < got.size(); ++v) ASSERT_NEAR(got[v], expected[v].get<float>(), tolerance) << i << " " << v;
    if (!mtp) continue;
    const Json& drafted = golden["mtp"]["sequences"][i]["last_logits"];
    for (size_t v = 0; v < got.size(); ++v)
      ASSERT_NEAR(logits[2 * i + 1][v], drafted[v].get<float>(), tolerance) << "MTP " << i << " " << v;
  }
}

INSTANTIATE_TEST_SUITE_P(Models, GgufGolden,
                         testing::Values("llama2-tiny", "llama3-tiny", "qwen2-tied", "qwen2-untied-distill",
                                         "qwen3-tied", "qwen3-untied-yarn", "qwen3moe-tiny", "ds2lite-tiny",
                                         "ds2lite-odd-bf16", "ds2-grouped", "ds3-tiny", "ds3-odd-bf16", "ds3-sharded",
                                         "ds3-noqlora-ungrouped", "ds3-fp8", "ds32-tiny"),
                         [](const auto& i) {
                           std::string name = i.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

/// Quantised weights through the whole model: every backend multiplies the same stored values.
TEST(GgufGolden, QuantisedWeightsMeanTheSameOnEveryBackend) {
  const Json golden = golden_of("ds3-tiny");
  for (const char* type : {"q8_0", "q4_0", "q4_1", "q5_0", "q5_1", "iq4_nl", "q4_k_m", "bf16", "f16"}) {
    const TemporaryFolder folder;
    const std::filesystem::path path = quantised("ds3-tiny", type, folder);
    Loaded oracle = load(path, "reference");
    const auto expected = last_logits(oracle, golden);
    for (const std::string& backend : backends()) {
      Loaded l = load(path, backend);
      const auto got = last_logits(l, golden);
      for (size_t i = 0; i < got.size(); ++i)
        for (size_t v = 0; v < got[i].size(); ++v)
          ASSERT_NEAR(got[i][v], expected[i][v], 1e-3) << type << " " << backend << " " << i;
    }
  }
}

}  // namespace dure
