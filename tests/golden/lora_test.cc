// Adapters over every kind of layer and base: what they add must not depend on how the base is stored, nor on whether
// they are merged into it.
#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>

#include "backend/registry.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "formats/peft_adapter.h"
#include "formats/safetensors.h"
#include "formats/temporary_folder.h"
#include "models/adapter.h"
#include "models/model.h"
#include "toolbox/merge.h"
#include "toolbox/quantize.h"

namespace dure {
namespace {

namespace fs = std::filesystem;

const fs::path kModels = DURE_TESTS_DIR "/fixtures/models";
const std::vector<int> kTokens = {1, 17, 3, 101, 55, 101, 2, 9, 77, 140, 8, 30};

Device& device_of(const std::string& backend) {
  static std::map<std::string, std::unique_ptr<Device>> devices;
  auto& device = devices[backend];
  if (!device) device = make_device({backend, 2});
  return *device;
}

/// Logits of every position [T V].
std::vector<float> logits(const fs::path& model, const std::vector<AdapterChoice>& adapters = {},
                          const std::string& backend = "auto") {
  Device& device = device_of(backend);
  const std::unique_ptr<Checkpoint> checkpoint = open_checkpoint(model, device);
  const std::unique_ptr<Model> m = load_model(*checkpoint, device, {.adapters = adapters});
  return m->logits(m->forward(single_sequence(kTokens))).to_floats();
}

double distance(const std::vector<float>& a, const std::vector<float>& b) {
  EXPECT_EQ(a.size(), b.size());
  double worst = 0;
  for (size_t i = 0; i < a.size(); ++i) worst = std::max<double>(worst, std::fabs(a[i] - b[i]));
  return worst;
}

/// Random matrices for every linear layer of the model but those whose path contains one of `without`.
void write_adapter(const fs::path& model, const fs::path& folder, const std::vector<std::string>& without,
                   DType dtype = DType::F32) {
  Device& device = device_of("auto");
  const std::unique_ptr<Checkpoint> checkpoint = open_checkpoint(model, device);
  std::mt19937 rng(5);
  std::normal_distribution<float> normal;
  std::vector<std::pair<std::string, Tensor>> tensors;
  const auto add = [&](const std::string& module, const char* which, const Shape& shape, float size) {
    Tensor t = Tensor::empty(device, DType::F32, shape);
    for (float& v : t.data()) v = size * normal(rng);
    Tensor stored = Tensor::empty(device, dtype, shape);
    for (int64_t r = 0; r < shape[0]; ++r)
      info(dtype).quantise(t.view().row(r), nullptr, stored.rows(r, 1).view().data, shape[1]);
    tensors.emplace_back("base_model.model." + module + which, stored);
  };
  const bool tied = checkpoint->config().value("tie_word_embeddings", false);
  for (const TensorInfo& t : checkpoint->tensors()) {
    const bool embeds = t.name.find("embed_tokens") != t.name.npos;
    if (t.shape.size() != 2 || !t.name.ends_with(".weight") || (embeds && !tied)) continue;
    std::string module = embeds ? "lm_head" : t.name.substr(0, t.name.size() - 7);
    if (std::ranges::any_of(without, [&](const std::string& part) { return module.find(part) != module.npos; }))
      continue;
    add(module, ".lora_A.weight", {3, t.shape[1]}, 0.5f / std::sqrt(static_cast<float>(t.shape[1])));
    add(module, ".lora_B.weight", {t.shape[0], 3}, 0.5f);
  }
  fs::create_directories(folder);
  write_safetensors(folder / "adapter_model.safetensors", tensors);
  std::ofstream(folder / "adapter_config.json")
      << R"({"peft_type": "LORA", "r": 3, "lora_alpha": 2, "target_modules": ".*"})";
}

/// The model's weights as float32 [N, K], FP8 scaled.
Tensor values(const Checkpoint& checkpoint, const std::string& name) {
  const StoredTensor t = checkpoint.get(name);
  std::vector<float> v = t.data.to_floats();
  const size_t K = static_cast<size_t>(t.data.dim(-1));
  if (t.scale.defined())
    for (size_t i = 0; i < v.size(); ++i) v[i] *= t.scale.view().row(static_cast<int64_t>(i / K / 128))[i % K / 128];
  return Tensor::from(device_of("auto"), v, t.data.shape());
}

/// A copy in float32, so that rounding to the model's own dtype is not what a comparison measures.
void write_f32(const fs::path& model, const fs::path& folder) {
  const std::unique_ptr<Checkpoint> checkpoint = open_checkpoint(model, device_of("auto"));
  std::vector<std::pair<std::string, Tensor>> tensors;
  for (const TensorInfo& t : checkpoint->tensors())
    if (!t.name.ends_with("_scale_inv")) tensors.emplace_back(t.name, values(*checkpoint, t.name));
  fs::create_directories(folder);
  write_safetensors(folder / "model.safetensors", tensors);
  fs::copy_file(model / "config.json", folder / "config.json");
}

bool merge(const fs::path& model, const std::vector<AdapterChoice>& adapters, const fs::path& folder) {
  return merge_model(model, adapters, folder, device_of("auto"), [](int64_t, int64_t) { return true; });
}

class Lora : public testing::TestWithParam<const char*> {};

/// Every layer that can have an adapter, but for routers, where a near-tie would flip an expert.
TEST_P(Lora, MergedWeightsAnswerAsAdaptersDo) {
  const TemporaryFolder folder;
  const fs::path model = kModels / GetParam(), f32 = folder / "f32";
  write_f32(model, f32);
  write_adapter(model, folder / "a", {"mlp.gate"});
  write_adapter(model, folder / "b", {"o_proj", "mlp.gate"}, DType::BF16);
  const std::vector<AdapterChoice> adapters = {{folder / "a", 0.5}, {folder / "b", -0.25}};
  const std::vector<float> expected = logits(model, adapters);
  EXPECT_GT(distance(expected, logits(model)), 0.1);
  for (const std::string& backend : backends())
    EXPECT_LT(distance(logits(model, adapters, backend), expected), 2e-4) << backend;

  ASSERT_TRUE(merge(f32, adapters, folder / "merged"));
  EXPECT_LT(distance(logits(folder / "merged"), expected), 2e-4);
}

/// In the dtypes of the model; those that are rounded are rounded once.
TEST_P(Lora, MergeKeepsDtypes) {
  const TemporaryFolder folder;
  const fs::path model = kModels / GetParam(), merged = folder / "merged", wide = folder / "wide";
  write_adapter(model, folder / "a", {"mlp.gate"});
  write_f32(model, folder / "f32");
  ASSERT_TRUE(merge(model, {{folder / "a"}}, merged));
  ASSERT_TRUE(merge(folder / "f32", {{folder / "a"}}, wide));
  const auto from = open_checkpoint(model, device_of("auto")), to = open_checkpoint(merged, device_of("auto"));
  const auto exact = open_checkpoint(wide, device_of("auto"));
  EXPECT_FALSE(to->config().contains("quantization_config"));
  for (const TensorInfo& t : to->tensors()) {
    SCOPED_TRACE(t.name);
    const DType dtype = to->get(t.name).data.dtype();
    if (const auto stored = from->find(t.name)) {
      EXPECT_EQ(dtype, stored->data.dtype() == DType::F8_E4M3 ? DType::BF16 : stored->data.dtype());
    }
    std::vector<float> rounded = exact->get(t.name).data.to_floats();
    if (dtype == DType::BF16)
      for (float& v : rounded) v = bf16_to_float(float_to_bf16(v));
    EXPECT_EQ(to->get(t.name).data.to_floats(), rounded);
  }
}

/// The same adapter over a GGUF file of the model: rows in another order, experts in one tensor, kv_b_proj in halves.
TEST_P(Lora, AdaptersMeanTheSameOverGguf) {
  const TemporaryFolder folder;
  const fs::path model = kModels / GetParam(), gguf = folder / "model.gguf";
  write_adapter(model, folder / "a", {});
  QuantizeOptions options;
  options.mix.type = find_quant_type("f32");
  ASSERT_TRUE(Quantizer(model, options, device_of("auto")).write(gguf, [](auto, auto) { return true; }));
  EXPECT_LT(distance(logits(gguf, {{folder / "a"}}), logits(model, {{folder / "a"}})), 2e-4);
}

/// What training saves is what was loaded, over a folder and over a GGUF file, whatever the order of rows there.
TEST_P(Lora, SavesWhatItLoaded) {
  const TemporaryFolder folder;
  const fs::path model = kModels / GetParam(), gguf = folder / "model.gguf";
  write_adapter(model, folder / "a", {});
  QuantizeOptions options;
  options.mix.type = find_quant_type("q8_0");
  ASSERT_TRUE(Quantizer(model, options, device_of("auto")).write(gguf, [](auto, auto) { return true; }));
  for (const fs::path& base : {model, gguf}) {
    const std::unique_ptr<Checkpoint> checkpoint = open_checkpoint(base, device_of("auto"));
    const auto m =
        load_model(*checkpoint, device_of("auto"), {.adapters = {{.folder = folder / "a", .trainable = true}}});
    const std::string config = read_file(folder / "a/adapter_config.json");
    save_adapter(folder / "saved", parse_json(config, "config"), m->parameters());
    const auto before = PeftAdapter::open(folder / "a", device_of("auto"));
    const auto after = PeftAdapter::open(folder / "saved", device_of("auto"));
    ASSERT_EQ(after.modules().size(), before.modules().size());
    for (const auto& [module, pair] : before.modules()) {
      EXPECT_EQ(after.modules().at(module).a.to_floats(), pair.a.to_floats()) << module;
      EXPECT_EQ(after.modules().at(module).b.to_floats(), pair.b.to_floats()) << module;
    }
  }
}

TEST_P(Lora, ANewAdapterChangesNothingYet) {
  const TemporaryFolder folder;
  const fs::path model = kModels / GetParam();
  const Json config = {{"peft_type", "LORA"}, {"r", 2}, {"lora_alpha", 4}, {"target_modules", "all-linear"}};
  const auto checkpoint = open_checkpoint(model, device_of("auto"));
  write_new_adapter(folder.path(), config, model_shape(checkpoint->config(), checkpoint->source()), 7);
  EXPECT_EQ(distance(logits(model, {{folder.path()}}), logits(model)), 0);
  const auto adapter = PeftAdapter::open(folder.path(), device_of("auto"));
  EXPECT_FALSE(adapter.modules().contains("lm_head"));
  EXPECT_TRUE(adapter.modules().contains("model.layers.0.self_attn.o_proj"));
}

TEST_P(Lora, NamedOnesAreSwitched) {
  const fs::path model = kModels / GetParam();
  const TemporaryFolder folder;
  write_adapter(model, folder / "first", {});
  write_adapter(model, folder / "second", {"self_attn"});
  Device& device = device_of("auto");
  const std::unique_ptr<Checkpoint> checkpoint = open_checkpoint(model, device);
  const std::unique_ptr<Model> m = load_model(
      *checkpoint, device,
      {.adapters = {{.folder = folder / "first", .name = "first"}, {.folder = folder / "second", .name = "second"}}});
  const auto with = [&](int index) {
    switch_adapter(*m, index);
    return m->logits(m->forward(single_sequence(kTokens))).to_floats();
  };
  EXPECT_EQ(distance(with(-1), logits(model)), 0);
  EXPECT_EQ(distance(with(1), logits(model, {{folder / "second"}})), 0);
  EXPECT_EQ(distance(with(0), logits(model, {{folder / "first"}})), 0);
  EXPECT_GT(distance(with(0), with(1)), 1e-3);
}

INSTANTIATE_TEST_SUITE_P(Models, Lora,
                         testing::Values("llama2-tiny", "qwen3-tied", "qwen2-tied", "qwen3moe-tiny", "ds2lite-tiny",
                                         "ds3-tiny", "ds3-odd-bf16", "ds3-fp8", "ds3-sharded"),
                         [](const auto& i) {
                           std::string name = i.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST(Lora, MergedFixturesAnswerAsTheirGoldens) {
  const TemporaryFolder folder;
  const fs::path adapter = kModels / "lora-qwen3-tied", merged = folder / "merged";
  ASSERT_TRUE(merge(kModels / "qwen3-tied", {{adapter}}, merged));
  EXPECT_LT(distance(logits(merged), logits(kModels / "qwen3-tied", {{adapter}})), 5e-5);
  EXPECT_TRUE(fs::exists(merged / "golden.json"));  // files that are no weights come along
}

TEST(Lora, MergeWritesAllOrNothing) {
  const TemporaryFolder folder;
  const std::vector<AdapterChoice> adapters = {{kModels / "lora-qwen3-tied"}};
  const fs::path merged = folder / "merged";
  int calls = 0;
  EXPECT_FALSE(merge_model(kModels / "qwen3-tied", adapters, merged, device_of("auto"),
                           [&](auto, auto) { return ++calls < 3; }));
  EXPECT_TRUE(fs::is_empty(folder.path()));
  EXPECT_THROW(merge_model(kModels / "ds3-tiny", adapters, merged, device_of("auto"), {}), Error);
  EXPECT_TRUE(fs::is_empty(folder.path()));
  std::ofstream(folder / "file") << "x";
  EXPECT_THROW(merge_model(kModels / "qwen3-tied", adapters, folder.path(), device_of("auto"), {}), Error);
}

}  // namespace
}  // namespace dure
