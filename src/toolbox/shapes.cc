#include "toolbox/shapes.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/json.h"

namespace dure {
namespace {

struct NamedShape {
  std::string_view name, config;
};

// From the config.json of each model's repository at Hugging Face.
constexpr NamedShape kShapes[] = {
    {"deepseek-v2-lite",
     R"({"model_type":"deepseek_v2","hidden_size":2048,"num_hidden_layers":27,"num_attention_heads":16,
         "num_key_value_heads":16,"intermediate_size":10944,"moe_intermediate_size":1408,"n_routed_experts":64,
         "n_shared_experts":2,"num_experts_per_tok":6,"first_k_dense_replace":1,"kv_lora_rank":512,
         "qk_nope_head_dim":128,"qk_rope_head_dim":64,"v_head_dim":128,"vocab_size":102400,
         "topk_method":"greedy","max_position_embeddings":163840})"},
    {"deepseek-v2",
     R"({"model_type":"deepseek_v2","hidden_size":5120,"num_hidden_layers":60,"num_attention_heads":128,
         "num_key_value_heads":128,"intermediate_size":12288,"moe_intermediate_size":1536,"n_routed_experts":160,
         "n_shared_experts":2,"num_experts_per_tok":6,"first_k_dense_replace":1,"q_lora_rank":1536,"kv_lora_rank":512,
         "qk_nope_head_dim":128,"qk_rope_head_dim":64,"v_head_dim":128,"vocab_size":102400,
         "topk_method":"group_limited_greedy","n_group":8,"topk_group":3,"max_position_embeddings":163840})"},
    {"deepseek-v3",
     R"({"model_type":"deepseek_v3","hidden_size":7168,"num_hidden_layers":61,"num_attention_heads":128,
         "num_key_value_heads":128,"intermediate_size":18432,"moe_intermediate_size":2048,"n_routed_experts":256,
         "n_shared_experts":1,"num_experts_per_tok":8,"first_k_dense_replace":3,"q_lora_rank":1536,"kv_lora_rank":512,
         "qk_nope_head_dim":128,"qk_rope_head_dim":64,"v_head_dim":128,"vocab_size":129280,"n_group":8,"topk_group":4,
         "num_nextn_predict_layers":1,"max_position_embeddings":163840,"quantization_config":{"quant_method":"fp8"}})"},
    {"deepseek-v3.2",
     R"({"model_type":"deepseek_v32","hidden_size":7168,"num_hidden_layers":61,"num_attention_heads":128,
         "num_key_value_heads":128,"intermediate_size":18432,"moe_intermediate_size":2048,"n_routed_experts":256,
         "n_shared_experts":1,"num_experts_per_tok":8,"first_k_dense_replace":3,"q_lora_rank":1536,"kv_lora_rank":512,
         "qk_nope_head_dim":128,"qk_rope_head_dim":64,"v_head_dim":128,"vocab_size":129280,"n_group":8,"topk_group":4,
         "index_n_heads":64,"index_head_dim":128,"index_topk":2048,"num_nextn_predict_layers":1,
         "max_position_embeddings":163840,"quantization_config":{"quant_method":"fp8"}})"},
    {"deepseek-v4-flash",
     R"({"model_type":"deepseek_v4","hidden_size":4096,"num_hidden_layers":43,"num_attention_heads":64,
         "num_key_value_heads":1,"head_dim":512,"qk_rope_head_dim":64,"q_lora_rank":1024,"o_lora_rank":1024,
         "o_groups":8,"moe_intermediate_size":2048,"n_routed_experts":256,"n_shared_experts":1,
         "num_experts_per_tok":6,"num_hash_layers":3,"scoring_func":"sqrtsoftplus","norm_topk_prob":true,
         "routed_scaling_factor":1.5,"swiglu_limit":10,"sliding_window":128,"index_n_heads":64,"index_head_dim":128,
         "index_topk":512,"hc_mult":4,"rope_theta":10000,"compress_rope_theta":160000,"compress_ratios":[
         0,0,4,128,4,128,4,128,4,128,4,128,4,128,4,128,4,128,4,128,4,128,4,128,4,128,4,128,4,128,4,128,4,128,
         4,128,4,128,4,128,4,128,4,0],
         "rope_scaling":{"type":"yarn","factor":16,"original_max_position_embeddings":65536,"beta_fast":32,
         "beta_slow":1},"vocab_size":129280,"num_nextn_predict_layers":1,"max_position_embeddings":1048576,
         "expert_dtype":"fp4","quantization_config":{"quant_method":"fp8"}})"},
    {"deepseek-v4-pro",
     R"({"model_type":"deepseek_v4","hidden_size":7168,"num_hidden_layers":61,"num_attention_heads":128,
         "num_key_value_heads":1,"head_dim":512,"qk_rope_head_dim":64,"q_lora_rank":1536,"o_lora_rank":1024,
         "o_groups":16,"moe_intermediate_size":3072,"n_routed_experts":384,"n_shared_experts":1,
         "num_experts_per_tok":6,"num_hash_layers":3,"scoring_func":"sqrtsoftplus","norm_topk_prob":true,
         "routed_scaling_factor":2.5,"swiglu_limit":10,"sliding_window":128,"index_n_heads":64,"index_head_dim":128,
         "index_topk":1024,"hc_mult":4,"rope_theta":10000,"compress_rope_theta":160000,"compress_ratios":[
         128,128,4,128,4,128,4,128,4,128,4,128,4,128,4,128,4,128,4,128,4,128,4,128,4,128,4,128,4,128,4,128,4,
         128,4,128,4,128,4,128,4,128,4,128,4,128,4,128,4,128,4,128,4,128,4,128,4,128,4,128,4,0],
         "rope_scaling":{"type":"yarn","factor":16,"original_max_position_embeddings":65536,"beta_fast":32,
         "beta_slow":1},"vocab_size":129280,"num_nextn_predict_layers":1,"max_position_embeddings":1048576,
         "expert_dtype":"fp4","quantization_config":{"quant_method":"fp8"}})"},
    {"moonlight-16b-a3b",
     R"({"model_type":"deepseek_v3","hidden_size":2048,"num_hidden_layers":27,"num_attention_heads":16,
         "num_key_value_heads":16,"intermediate_size":11264,"moe_intermediate_size":1408,"n_routed_experts":64,
         "n_shared_experts":2,"num_experts_per_tok":6,"first_k_dense_replace":1,"kv_lora_rank":512,
         "qk_nope_head_dim":128,"qk_rope_head_dim":64,"v_head_dim":128,"vocab_size":163840,
         "max_position_embeddings":8192})"},
    {"r1-distill-qwen-1.5b",
     R"({"model_type":"qwen2","hidden_size":1536,"num_hidden_layers":28,"num_attention_heads":12,
         "num_key_value_heads":2,"intermediate_size":8960,"vocab_size":151936,"max_position_embeddings":131072})"},
    {"r1-distill-qwen-7b",
     R"({"model_type":"qwen2","hidden_size":3584,"num_hidden_layers":28,"num_attention_heads":28,
         "num_key_value_heads":4,"intermediate_size":18944,"vocab_size":152064,"max_position_embeddings":131072})"},
    {"r1-distill-qwen-14b",
     R"({"model_type":"qwen2","hidden_size":5120,"num_hidden_layers":48,"num_attention_heads":40,
         "num_key_value_heads":8,"intermediate_size":13824,"vocab_size":152064,"max_position_embeddings":131072})"},
    {"r1-distill-qwen-32b",
     R"({"model_type":"qwen2","hidden_size":5120,"num_hidden_layers":64,"num_attention_heads":40,
         "num_key_value_heads":8,"intermediate_size":27648,"vocab_size":152064,"max_position_embeddings":131072})"},
    {"r1-distill-llama-8b",
     R"({"model_type":"llama","hidden_size":4096,"num_hidden_layers":32,"num_attention_heads":32,
         "num_key_value_heads":8,"intermediate_size":14336,"vocab_size":128256,"max_position_embeddings":131072})"},
    {"r1-distill-llama-70b",
     R"({"model_type":"llama","hidden_size":8192,"num_hidden_layers":80,"num_attention_heads":64,
         "num_key_value_heads":8,"intermediate_size":28672,"vocab_size":128256,"max_position_embeddings":131072})"},
    {"qwen3-0.6b",
     R"({"model_type":"qwen3","hidden_size":1024,"num_hidden_layers":28,"num_attention_heads":16,"head_dim":128,
         "num_key_value_heads":8,"intermediate_size":3072,"vocab_size":151936,"tie_word_embeddings":true,
         "max_position_embeddings":40960})"},
    {"qwen3-1.7b",
     R"({"model_type":"qwen3","hidden_size":2048,"num_hidden_layers":28,"num_attention_heads":16,"head_dim":128,
         "num_key_value_heads":8,"intermediate_size":6144,"vocab_size":151936,"tie_word_embeddings":true,
         "max_position_embeddings":40960})"},
    {"qwen3-4b",
     R"({"model_type":"qwen3","hidden_size":2560,"num_hidden_layers":36,"num_attention_heads":32,"head_dim":128,
         "num_key_value_heads":8,"intermediate_size":9728,"vocab_size":151936,"tie_word_embeddings":true,
         "max_position_embeddings":40960})"},
    {"qwen3-8b",
     R"({"model_type":"qwen3","hidden_size":4096,"num_hidden_layers":36,"num_attention_heads":32,"head_dim":128,
         "num_key_value_heads":8,"intermediate_size":12288,"vocab_size":151936,"max_position_embeddings":40960})"},
    {"qwen3-14b",
     R"({"model_type":"qwen3","hidden_size":5120,"num_hidden_layers":40,"num_attention_heads":40,"head_dim":128,
         "num_key_value_heads":8,"intermediate_size":17408,"vocab_size":151936,"max_position_embeddings":40960})"},
    {"qwen3-32b",
     R"({"model_type":"qwen3","hidden_size":5120,"num_hidden_layers":64,"num_attention_heads":64,"head_dim":128,
         "num_key_value_heads":8,"intermediate_size":25600,"vocab_size":151936,"max_position_embeddings":40960})"},
    {"qwen3-30b-a3b",
     R"({"model_type":"qwen3_moe","hidden_size":2048,"num_hidden_layers":48,"num_attention_heads":32,"head_dim":128,
         "num_key_value_heads":4,"intermediate_size":6144,"moe_intermediate_size":768,"num_experts":128,
         "num_experts_per_tok":8,"vocab_size":151936,"max_position_embeddings":40960})"},
    {"qwen3-235b-a22b",
     R"({"model_type":"qwen3_moe","hidden_size":4096,"num_hidden_layers":94,"num_attention_heads":64,"head_dim":128,
         "num_key_value_heads":4,"intermediate_size":12288,"moe_intermediate_size":1536,"num_experts":128,
         "num_experts_per_tok":8,"vocab_size":151936,"max_position_embeddings":40960})"},
};

// Other names of the same shapes.
constexpr std::pair<std::string_view, std::string_view> kAliases[] = {
    {"deepseek-v2.5", "deepseek-v2"},
    {"deepseek-v3.1", "deepseek-v3"},
    {"deepseek-r1", "deepseek-v3"},
    {"r1", "deepseek-v3"},
    {"deepseek-r1-0528-qwen3-8b", "qwen3-8b"},
};

}  // namespace

std::vector<std::string> shape_names() {
  std::vector<std::string> names;
  for (const NamedShape& shape : kShapes) {
    names.emplace_back(shape.name);
    if (shape.name == "deepseek-v3") names.emplace_back("deepseek-r1");
  }
  return names;
}

Json shape_config(std::string_view name) {
  std::string wanted(name);
  std::transform(wanted.begin(), wanted.end(), wanted.begin(), [](unsigned char c) { return std::tolower(c); });
  if (wanted.starts_with("deepseek-r1-distill-")) wanted.erase(0, std::string_view("deepseek-").size());
  for (const auto& [alias, shape] : kAliases)
    if (wanted == alias) wanted = shape;
  for (const NamedShape& shape : kShapes)
    if (shape.name == wanted) return parse_json(shape.config, shape.name);
  fail("shape {}: expected one of {}", quote(name), fmt::join(shape_names(), ", "));
}

}  // namespace dure
