#pragma once

#include <vector>

#include "formats/checkpoint.h"
#include "formats/gguf.h"

namespace dure {

/// A model in a GGUF file, or in several (NAME-00001-of-00003.gguf, ...) of which the first is given.
///
/// - An expert is a view of its rows in the tensor that holds all of its layer.
/// - Of kv_b_proj new files have two halves, found as `self_attn.k_b_proj.weight` [H, kv_lora_rank, nope] (W_UK of each
///   head, transposed) and `self_attn.v_b_proj.weight` [H, v_head_dim, kv_lora_rank]; old ones have it whole.
/// - Llama's rows of q and k are ordered for a rotary embedding of neighbouring pairs; config() says so in
///   "rope_interleaved": true.
/// - `rope_freqs.weight` [head_dim / 2], if there is one, divides the rotary frequencies (Llama 3's scaling).
/// Throws Error if a file is missing or damaged, or metadata of the architecture are missing or out of range.
std::unique_ptr<Checkpoint> open_gguf_checkpoint(const std::filesystem::path& path, Device& device);

/// The file, and the other parts of its model if it is the first of several.
/// Throws Error if a part is missing or damaged, or if this is another part than the first.
std::vector<Gguf> open_gguf_parts(const std::filesystem::path& path);

/// The same from files that are open. REQUIRES: at least one; the first has the metadata.
std::unique_ptr<Checkpoint> make_gguf_checkpoint(std::vector<Gguf> parts, Device& device);

}  // namespace dure
