#include "formats/peft_adapter.h"

#include <gmock/gmock.h>

#include <fstream>

#include "base/error_of.h"
#include "base/json.h"
#include "formats/safetensors.h"
#include "formats/temporary_folder.h"

namespace dure {
namespace {

Device& test_device() {
  static Device device(std::make_shared<ThreadPool>(1), nullptr);
  return device;
}

Json config(const std::string& changes = "{}") {
  Json json = parse_json(R"({"peft_type": "LORA", "r": 2, "lora_alpha": 6, "target_modules": ["q_proj", "lm_head"],
                             "bias": "none", "use_dora": false, "modules_to_save": null, "rank_pattern": {},
                             "layers_to_transform": null, "init_lora_weights": true, "megatron_core": "megatron.core"})",
                         "config");
  json.merge_patch(parse_json(changes, "changes"));
  return json;
}

PeftConfig parsed(const std::string& changes) { return parse_peft_config(config(changes), "adapter_config.json"); }

constexpr const char* kQ0 = "model.layers.0.self_attn.q_proj";

TEST(PeftConfig, TargetsModulesAsPeftDoes) {
  struct Case {
    const char* changes;
    std::vector<std::string> in, out;
  };
  const Case cases[] = {
      {"{}", {kQ0, "lm_head"}, {"model.layers.0.self_attn.o_proj", "model.layers.0.self_attn.my_q_proj", "q_projx"}},
      {R"({"target_modules": "all-linear"})", {kQ0, "model.layers.1.mlp.up_proj"}, {"lm_head"}},
      {R"({"target_modules": "All-Linear", "exclude_modules": ["q_proj"]})", {"model.layers.1.mlp.up_proj"}, {kQ0}},
      {R"({"target_modules": ".*\\.self_attn\\.[qk]_proj"})", {kQ0}, {"model.layers.0.self_attn.q_proj.x", "q_proj"}},
      {R"({"exclude_modules": ".*layers\\.0\\..*"})", {"model.layers.10.self_attn.q_proj"}, {kQ0}},
      {R"({"layers_to_transform": [1, 12]})",
       {"model.layers.1.self_attn.q_proj", "model.layers.12.self_attn.q_proj"},
       {kQ0, "model.layers.2.self_attn.q_proj", "lm_head.q_proj"}},
      {R"({"layers_to_transform": 1, "layers_pattern": "layers"})", {"model.layers.1.mlp.experts.0.q_proj"}, {kQ0}},
      {R"({"layers_to_transform": 1, "layers_pattern": ["h", "layers"]})", {"model.layers.1.a.q_proj"}, {kQ0}},
      {R"({"layers_to_transform": 1})", {"model.layers.0.experts.1.q_proj"}, {"model.layers.1.experts.0.q_proj"}},
      {R"({"layers_to_transform": 1, "target_modules": ["model.layers.0.self_attn.q_proj"]})", {kQ0}, {}},
  };
  for (const Case& c : cases) {
    const PeftConfig p = parsed(c.changes);
    for (const std::string& module : c.in) EXPECT_TRUE(p.targets(module)) << c.changes << " " << module;
    for (const std::string& module : c.out) EXPECT_FALSE(p.targets(module)) << c.changes << " " << module;
  }
}

TEST(PeftConfig, ScalesByRankAndPattern) {
  const std::string q1 = "model.layers.1.self_attn.q_proj";
  EXPECT_EQ(parsed("{}").scaling(kQ0), 3);
  EXPECT_EQ(parsed(R"({"use_rslora": true, "r": 4})").scaling(kQ0), 3);
  const PeftConfig p =
      parsed(R"({"rank_pattern": {"layers\\.0.*q_proj": 3, "q_proj": 12}, "alpha_pattern": {"q_proj": 9.0}})");
  EXPECT_EQ(p.rank(kQ0), 3);
  EXPECT_EQ(p.rank(q1), 12);
  EXPECT_EQ(p.rank("lm_head"), 2);
  EXPECT_EQ(p.scaling(kQ0), 3);
  EXPECT_EQ(p.scaling(q1), 0.75);
  EXPECT_EQ(p.scaling("lm_head"), 3);
}

TEST(PeftConfig, NamesTheFieldThatItRefuses) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"peft_type": "IA3"})", "adapter_config.json: field 'peft_type': expected LORA, found 'IA3'"},
      {R"({"bias": "all"})", "field 'bias': expected none, found 'all'"},
      {R"({"use_dora": true})", "field 'use_dora' is not supported, found 'true'"},
      {R"({"modules_to_save": ["lm_head"]})", "field 'modules_to_save' is not supported"},
      {R"({"trainable_token_indices": [1]})", "field 'trainable_token_indices' is not supported"},
      {R"({"fan_in_fan_out": true})", "field 'fan_in_fan_out' is not supported"},
      {R"({"init_lora_weights": "pissa_niter_4"})",
       "field 'init_lora_weights': '\"pissa_niter_4\"' belongs to a changed"},
      {R"({"r": 0})", "field 'r': expected an integer from 1"},
      {R"({"r": null})", "field 'r' is missing"},
      {R"({"rank_pattern": {"q_proj": -1}})", "field 'rank_pattern': field 'q_proj': expected an integer from 1"},
      {R"({"rank_pattern": [1]})", "field 'rank_pattern': expected a JSON object"},
      {R"({"lora_alpha": 1e300})", "field 'lora_alpha': expected a number up to 1e9"},
      {R"({"target_modules": null})", "field 'target_modules' is missing"},
      {R"({"target_modules": [1]})", "field 'target_modules': expected strings"},
      {R"({"target_modules": "(q_proj"})", "field 'target_modules': regular expression '(q_proj': missing closing"},
      {R"({"layers_to_transform": [-1]})", "field 'layers_to_transform': expected layers from 0 on"},
      {R"({"layers_to_transform": 1, "target_modules": ".*"})", "field 'layers_to_transform' needs target_modules"},
  };
  for (const auto& [changes, message] : cases)
    EXPECT_THAT(error_of([&] { parsed(changes); }), testing::HasSubstr(message)) << changes;
  const PeftConfig slow = parsed(R"({"target_modules": "(a+)+[xy]"})");
  EXPECT_THAT(error_of([&] { slow.targets(std::string(60, 'a')); }), testing::HasSubstr("gave up on"));
}

/// A folder with these tensors, all of value 1.
class AdapterFolder {
 public:
  AdapterFolder(const std::vector<std::pair<std::string, Shape>>& tensors, const Json& json, DType dtype = DType::F32) {
    std::vector<std::pair<std::string, Tensor>> list;
    for (const auto& [name, shape] : tensors) list.emplace_back(name, Tensor::zeros(test_device(), dtype, shape));
    write_safetensors(folder_ / "adapter_model.safetensors", list);
    std::ofstream(folder_ / "adapter_config.json") << dump_json(json);
  }
  PeftAdapter open() const { return PeftAdapter::open(folder_.path(), test_device()); }
  const TemporaryFolder& folder() const { return folder_; }

 private:
  TemporaryFolder folder_;
};

const std::string kPrefix = "base_model.model.model.layers.0.self_attn.q_proj.";

TEST(PeftAdapter, PairsTheTensorsOfAModule) {
  for (const DType dtype : {DType::F32, DType::BF16, DType::F16}) {
    const AdapterFolder files({{kPrefix + "lora_A.weight", {2, 8}}, {kPrefix + "lora_B.weight", {5, 2}}}, config(),
                              dtype);
    const PeftAdapter adapter = files.open();
    ASSERT_EQ(adapter.modules().size(), 1u);
    const auto& [module, pair] = *adapter.modules().begin();
    EXPECT_EQ(module, kQ0);
    EXPECT_EQ(pair.a.shape(), Shape({2, 8}));
    EXPECT_EQ(pair.b.shape(), Shape({5, 2}));
    EXPECT_EQ(pair.b.dtype(), dtype);
  }
}

TEST(PeftAdapter, NamesTheTensorThatItRefuses) {
  const std::pair<std::string, Shape> a = {kPrefix + "lora_A.weight", {2, 8}}, b = {kPrefix + "lora_B.weight", {5, 2}};
  struct Case {
    std::vector<std::pair<std::string, Shape>> tensors;
    std::string message;
  };
  const Case cases[] = {
      {{}, "the adapter has no tensors"},
      {{a}, "module 'model.layers.0.self_attn.q_proj' has only one of its two tensors, .lora_B.weight is missing"},
      {{b}, ".lora_A.weight is missing"},
      {{a, b, {kPrefix + "lora_magnitude_vector", {5}}}, "lora_magnitude_vector': expected base_model.model.MODULE"},
      {{{"base_model.model.model.embed_tokens.lora_embedding_A", {2, 8}}}, "trained embeddings"},
      {{{"model.layers.0.self_attn.q_proj.lora_A.weight", {2, 8}}}, "expected base_model.model.MODULE"},
      {{{"base_model.model..lora_A.weight", {2, 8}}}, "expected base_model.model.MODULE"},
      {{{"base_model.model.lora_A.weight", {2, 8}}}, "expected base_model.model.MODULE"},
      {{{"base_model.model.model.layers.0.self_attn.o_proj.lora_A.weight", {2, 8}}}, "does not target its module"},
      {{{a.first, {3, 8}}, b}, "shape [3, 8], expected rank 2"},
      {{a, {b.first, {5, 8}}}, "shape [5, 8], expected rank 2"},
      {{{a.first, {2, 8, 1}}, b}, "3 dimensions, expected a matrix"},
      {{{a.first, {2, 0}}, b}, "expected a matrix"},
  };
  for (const Case& c : cases)
    EXPECT_THAT(error_of([&] { AdapterFolder(c.tensors, config()).open(); }), testing::HasSubstr(c.message));
  EXPECT_THAT(error_of([&] {
                AdapterFolder({a, b}, config(), DType::I32).open();
              }),
              testing::HasSubstr("dtype I32, expected F32, F16 or BF16"));
}

TEST(PeftAdapter, NamesTheFileThatIsMissing) {
  const TemporaryFolder folder;
  EXPECT_THAT(error_of([&] { PeftAdapter::open(folder / "none", test_device()); }),
              testing::HasSubstr("expected the folder"));
  EXPECT_THAT(error_of([&] { PeftAdapter::open(folder.path(), test_device()); }),
              testing::HasSubstr("adapter_config.json"));
  std::ofstream(folder / "adapter_config.json") << dump_json(config());
  EXPECT_THAT(error_of([&] { PeftAdapter::open(folder.path(), test_device()); }),
              testing::HasSubstr("adapter_model.safetensors"));
  std::ofstream(folder / "adapter_model.bin") << "PK";
  EXPECT_THAT(error_of([&] { PeftAdapter::open(folder.path(), test_device()); }), testing::HasSubstr("is a pickle"));
}

}  // namespace
}  // namespace dure
