#include "toolbox/quant_mix.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/error_of.h"

namespace dure {
namespace {

std::vector<QuantTensor> dense(int layers, int64_t columns = 512) {
  std::vector<QuantTensor> list = {{"token_embd.weight", {1000, columns}, DType::F32},
                                   {"output.weight", {1000, columns}, DType::F32},
                                   {"output_norm.weight", {columns}, DType::F32}};
  for (int i = 0; i < layers; ++i)
    for (const char* part : {"attn_norm", "attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_down"}) {
      const bool norm = std::string_view(part) == "attn_norm";
      list.push_back(
          {fmt::format("blk.{}.{}.weight", i, part), norm ? Shape{columns} : Shape{columns, columns}, DType::F32});
    }
  return list;
}

DType type_of(std::string_view name, const QuantOptions& options, const QuantModel& model,
              const std::vector<QuantTensor>& tensors) {
  const std::vector<DType> types = quant_mix(options, model, tensors);
  for (size_t i = 0; i < tensors.size(); ++i)
    if (tensors[i].name == name) return types[i];
  throw std::out_of_range(std::string(name));
}

}  // namespace

// Layers at which the rules of src/llama-quant.cpp change their mind.
TEST(QuantMix, ChoosesAsLlamaQuantizeDoes) {
  const QuantModel llama{"llama", 16, 32, 8, 0};
  const struct {
    const char *type, *tensor;
    DType expected;
  } kCases[] = {
      {"q4_k_m", "token_embd.weight", DType::Q4_K},
      {"q4_k_m", "output.weight", DType::Q6_K},
      {"q4_k_m", "output_norm.weight", DType::F32},
      {"q4_k_m", "blk.0.attn_q.weight", DType::Q4_K},
      {"q4_k_m", "blk.1.attn_v.weight", DType::Q6_K},
      {"q4_k_m", "blk.2.attn_v.weight", DType::Q4_K},
      {"q4_k_m", "blk.4.ffn_down.weight", DType::Q6_K},
      {"q4_k_m", "blk.5.ffn_down.weight", DType::Q4_K},
      {"q4_k_m", "blk.14.ffn_down.weight", DType::Q6_K},
      {"q4_k_s", "blk.3.attn_v.weight", DType::Q5_K},
      {"q4_k_s", "blk.4.attn_v.weight", DType::Q4_K},
      {"q4_k_s", "blk.1.ffn_down.weight", DType::Q5_K},
      {"q5_k_m", "blk.15.attn_v.weight", DType::Q6_K},
      {"q5_k_s", "blk.15.attn_v.weight", DType::Q5_K},
      {"q3_k_m", "blk.0.ffn_down.weight", DType::Q5_K},
      {"q3_k_m", "blk.1.ffn_down.weight", DType::Q4_K},
      {"q3_k_m", "blk.9.attn_output.weight", DType::Q4_K},
      {"q2_k", "blk.9.attn_v.weight", DType::Q4_K},
      {"q2_k", "blk.9.attn_output.weight", DType::Q3_K},
      {"q2_k", "blk.9.attn_k.weight", DType::Q2_K},
      {"iq4_nl", "blk.9.attn_v.weight", DType::Q5_K},
      {"q8_0", "output.weight", DType::Q8_0},
      {"q4_0", "output.weight", DType::Q6_K},
      {"bf16", "output.weight", DType::BF16},
      {"f32", "blk.9.attn_k.weight", DType::F32},
  };
  for (const auto& c : kCases)
    EXPECT_EQ(type_of(c.tensor, {find_quant_type(c.type), {}, {}, {}, false}, llama, dense(16)), c.expected)
        << c.type << " " << c.tensor << ", not " << name(c.expected);
}

TEST(QuantMix, RowsThatAreNotWholeBlocksGetTheNextType) {
  const QuantModel model{"llama", 1, 4, 4, 0};
  const auto type = [&](const char* type, int64_t columns) {
    return type_of("blk.0.attn_q.weight", {find_quant_type(type), {}, {}, {}, false}, model, dense(1, columns));
  };
  EXPECT_EQ(type("q2_k", 96), DType::Q4_0);
  EXPECT_EQ(type("q4_k_m", 96), DType::Q5_0);
  EXPECT_EQ(type("q5_k_m", 96), DType::Q5_1);
  EXPECT_EQ(type("q6_k", 96), DType::Q8_0);
  EXPECT_EQ(type("q6_k", 80), DType::F16);
  EXPECT_EQ(type("q8_0", 80), DType::F16);
}

TEST(QuantMix, TiedEmbeddingsCountAsTheOutput) {
  std::vector<QuantTensor> tensors = dense(2);
  tensors.erase(tensors.begin() + 1);
  EXPECT_EQ(
      type_of("token_embd.weight", {find_quant_type("q4_k_m"), {}, {}, {}, false}, {"qwen3", 2, 8, 4, 0}, tensors),
      DType::Q6_K);
}

TEST(QuantMix, ExpertsGoByTheirLayersName) {
  const QuantModel model{"deepseek2", 8, 16, 1, 64};
  std::vector<QuantTensor> tensors = {{"blk.0.ffn_down.weight", {512, 512}, DType::F32},
                                      {"blk.0.ffn_gate_inp.weight", {64, 512}, DType::F32},
                                      {"blk.0.attn_k_b.weight", {16, 512, 128}, DType::F32}};
  for (int i = 1; i < 8; ++i) {
    tensors.push_back({fmt::format("blk.{}.ffn_down_exps.weight", i), {64, 512, 256}, DType::F32});
    tensors.push_back({fmt::format("blk.{}.ffn_down_shexp.weight", i), {512, 512}, DType::F32});
  }
  const QuantOptions options{find_quant_type("q4_k_m"), {}, {}, {}, false};
  EXPECT_EQ(type_of("blk.0.ffn_down.weight", options, model, tensors), DType::Q6_K);
  EXPECT_EQ(type_of("blk.2.ffn_down_exps.weight", options, model, tensors), DType::Q4_K);
  EXPECT_EQ(type_of("blk.3.ffn_down_shexp.weight", options, model, tensors), DType::Q6_K);
  EXPECT_EQ(type_of("blk.0.ffn_gate_inp.weight", options, model, tensors), DType::F32);
  EXPECT_EQ(type_of("blk.0.attn_k_b.weight", options, model, tensors), DType::Q5_0);
  const QuantOptions fp4{find_quant_type("mxfp4_moe"), {}, {}, {}, false};
  EXPECT_EQ(type_of("blk.2.ffn_down_exps.weight", fp4, model, tensors), DType::MXFP4);
  EXPECT_EQ(type_of("blk.3.ffn_down_shexp.weight", fp4, model, tensors), DType::Q8_0);
  EXPECT_EQ(type_of("blk.0.attn_k_b.weight", fp4, model, tensors), DType::Q8_0);
  EXPECT_EQ(type_of("blk.0.ffn_gate_inp.weight", fp4, model, tensors), DType::F32);
  tensors.push_back({"blk.8.ffn_down_exps.weight", {64, 512, 256}, DType::F32});
  EXPECT_EQ(error_of([&] { quant_mix(options, model, tensors); }),
            "tensor 'blk.8.ffn_down_exps.weight': expected a layer below 8");
}

TEST(QuantMix, UsersHaveTheLastWord) {
  const QuantModel model{"llama", 16, 32, 8, 0};
  QuantOptions options{find_quant_type("Q4_K"), {}, DType::Q8_0, DType::BF16, false};
  options.rules = {parse_tensor_type_rule("ATTN_[QK]=q8_0"), parse_tensor_type_rule("blk\\.(1|2)\\.attn=f16")};
  EXPECT_EQ(type_of("output.weight", options, model, dense(16)), DType::Q8_0);
  EXPECT_EQ(type_of("token_embd.weight", options, model, dense(16)), DType::BF16);
  EXPECT_EQ(type_of("blk.1.attn_q.weight", options, model, dense(16)), DType::Q8_0);
  EXPECT_EQ(type_of("blk.1.attn_v.weight", options, model, dense(16)), DType::F16);
  EXPECT_EQ(type_of("blk.1.attn_norm.weight", options, model, dense(16)), DType::F32);
  EXPECT_EQ(type_of("blk.3.attn_v.weight", options, model, dense(16)), DType::Q6_K) << "what was chosen is not counted";
}

TEST(QuantMix, AnImportanceMatrixSparesAndSpendsBits) {
  const QuantModel model{"llama", 16, 32, 8, 0};
  for (const auto& [type, without, with] :
       {std::tuple{"iq4_nl", DType::Q5_K, DType::IQ4_NL}, {"q4_0", DType::Q4_0, DType::Q4_1}}) {
    EXPECT_EQ(type_of("blk.0.ffn_down.weight", {find_quant_type(type), {}, {}, {}, false}, model, dense(16)), without);
    EXPECT_EQ(type_of("blk.0.ffn_down.weight", {find_quant_type(type), {}, {}, {}, true}, model, dense(16)), with);
  }
}

TEST(QuantMix, NamesWhatItDoesNotKnow) {
  EXPECT_EQ(error_of([] { find_quant_type("q9"); }),
            "type 'q9': expected one of f32, bf16, f16, q8_0, q6_k, q5_1, q5_k_m, q5_k_s, q5_0, q4_1, q4_k_m, q4_k_s, "
            "q4_0, iq4_nl, q3_k_l, q3_k_m, q3_k_s, q2_k, mxfp4_moe");
  EXPECT_EQ(error_of([] { parse_tensor_type_rule("attn_q"); }), "tensor type 'attn_q': expected PATTERN=TYPE");
  EXPECT_EQ(error_of([] { parse_tensor_type_rule("attn_q=i32"); }).find("tensor type 'i32': expected one of f32"), 0u);
  const QuantOptions options{find_quant_type("q8_0"), {{"attn_(", DType::F16}}, {}, {}, false};
  EXPECT_EQ(error_of([&] {
              quant_mix(options, {"llama", 1, 1, 1, 0}, {});
            }),
            "tensor type: regular expression 'attn_(': missing closing parenthesis (at byte 6)");
}

}  // namespace dure
