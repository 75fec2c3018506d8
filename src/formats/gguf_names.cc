#include "formats/gguf_names.h"

#include <charconv>

#include <fmt/format.h>

namespace dure {
namespace {

struct Pair {
  std::string_view hugging_face, gguf;
};

// Names as a whole.
constexpr Pair kModel[] = {
    {"model.embed_tokens.weight", "token_embd.weight"},
    {"model.norm.weight", "output_norm.weight"},
    {"lm_head.weight", "output.weight"},
    {"rope_freqs.weight", "rope_freqs.weight"},  // not a Hugging Face name: Llama 3 files hold the factors themselves
};

// What follows `model.layers.N.` and `blk.N.`, without the `.weight` or `.bias` that both end in.
constexpr Pair kLayer[] = {
    {"input_layernorm", "attn_norm"},
    {"post_attention_layernorm", "ffn_norm"},
    {"self_attn.q_proj", "attn_q"},
    {"self_attn.k_proj", "attn_k"},
    {"self_attn.v_proj", "attn_v"},
    {"self_attn.o_proj", "attn_output"},
    {"self_attn.q_norm", "attn_q_norm"},
    {"self_attn.k_norm", "attn_k_norm"},
    {"self_attn.q_a_proj", "attn_q_a"},
    {"self_attn.q_a_layernorm", "attn_q_a_norm"},
    {"self_attn.q_b_proj", "attn_q_b"},
    {"self_attn.kv_a_proj_with_mqa", "attn_kv_a_mqa"},
    {"self_attn.kv_a_layernorm", "attn_kv_a_norm"},
    {"self_attn.kv_b_proj", "attn_kv_b"},  // files of 2024
    {"self_attn.k_b_proj", "attn_k_b"},    // its two halves, since 2025: [H, kv_lora_rank, nope]
    {"self_attn.v_b_proj", "attn_v_b"},    // and [H, v_head_dim, kv_lora_rank]
    {"self_attn.indexer.wq_b", "indexer.attn_q_b"},
    {"self_attn.indexer.wk", "indexer.attn_k"},
    {"self_attn.indexer.k_norm", "indexer.k_norm"},
    {"self_attn.indexer.weights_proj", "indexer.proj"},
    {"mlp.gate_proj", "ffn_gate"},
    {"mlp.up_proj", "ffn_up"},
    {"mlp.down_proj", "ffn_down"},
    {"mlp.gate", "ffn_gate_inp"},
    {"mlp.shared_experts.gate_proj", "ffn_gate_shexp"},
    {"mlp.shared_experts.up_proj", "ffn_up_shexp"},
    {"mlp.shared_experts.down_proj", "ffn_down_shexp"},
    {"eh_proj", "nextn.eh_proj"},
    {"enorm", "nextn.enorm"},
    {"hnorm", "nextn.hnorm"},
    {"embed_tokens", "nextn.embed_tokens"},
    {"shared_head.head", "nextn.shared_head_head"},
    {"shared_head.norm", "nextn.shared_head_norm"},
};

bool take(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

/// A number without sign or leading zero, and the dot after it.
std::optional<int> take_index(std::string_view& text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const size_t digits = static_cast<size_t>(end - text.data());
  if (error != std::errc() || text[0] == '-' || (text[0] == '0' && digits > 1)) return {};
  text.remove_prefix(digits);
  if (!take(text, ".")) return {};
  return value;
}

/// E.gate_proj.weight
std::vector<GgufPlace> expert_places(int layer, std::string_view rest) {
  const std::optional<int> expert = take_index(rest);
  if (!expert) return {};
  const auto place = [&](std::string_view name, int part, int parts) {
    return GgufPlace{fmt::format("blk.{}.ffn_{}_exps.weight", layer, name), expert, part, parts};
  };
  if (rest == "gate_proj.weight") return {place("gate", 0, 1), place("gate_up", 0, 2)};
  if (rest == "up_proj.weight") return {place("up", 0, 1), place("gate_up", 1, 2)};
  if (rest == "down_proj.weight") return {place("down", 0, 1)};
  return {};
}

}  // namespace

std::vector<GgufPlace> gguf_places(std::string_view name) {
  for (const Pair& pair : kModel)
    if (pair.hugging_face == name) return {{std::string(pair.gguf), {}}};

  if (!take(name, "model.layers.")) return {};
  const std::optional<int> layer = take_index(name);
  if (!layer) return {};
  if (name == "mlp.gate.e_score_correction_bias") return {{fmt::format("blk.{}.exp_probs_b.bias", *layer), {}}};
  if (take(name, "mlp.experts.")) return expert_places(*layer, name);

  const size_t dot = name.rfind('.');
  if (dot == name.npos) return {};
  const std::string_view stem = name.substr(0, dot), kind = name.substr(dot);
  if (kind != ".weight" && kind != ".bias") return {};
  for (const Pair& pair : kLayer)
    if (pair.hugging_face == stem) return {{fmt::format("blk.{}.{}{}", *layer, pair.gguf, kind), {}}};
  return {};
}

}  // namespace dure
