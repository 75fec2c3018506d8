#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json_fwd.h"
#include "formats/generation_config.h"
#include "formats/gguf_writer.h"

namespace dure {

class Fields;

/// The model of a GGUF file in the few numbers that others than its loader need.
struct GgufModel {
  std::string architecture;  ///< general.architecture
  int layers = 0;            ///< block_count, MTP layers included
  int heads = 0, kv_heads = 0;
  int experts = 0;
};

/// A Hugging Face config in the terms of GGUF: the reverse of gguf_config() (docs/formats/gguf.md has the table).
/// `mtp`: the MTP layers are in the file, as its last blocks.
/// Throws Error naming the field for a model that the format cannot express, or that Dure does not run.
GgufModel gguf_model(const Fields& config, bool mtp);

/// Whether Dure runs models of that general.architecture.
bool is_gguf_architecture(std::string_view architecture);

/// Its metadata under "ARCHITECTURE.", in the order in which llama.cpp's converter writes them.
void add_config(GgufHead& head, const Fields& config, bool mtp);

/// "general.sampling.": what the publishers recommend.
void add_sampling(GgufHead& head, const GenerationConfig& generation);

/// Llama 3's scaling as GGUF has it, a divisor for each rotary frequency [head_dim / 2]; empty for other models.
std::vector<float> gguf_rope_factors(const Fields& config);

}  // namespace dure
