#pragma once

#include "nn/gather.h"
#include "nn/linear.h"
#include "nn/rotary.h"

namespace dure {

/// Every `ratio` tokens become one entry of the cache (DeepSeek-V4, arXiv 2606.19348): a pool of their values, channel
/// by channel, weighed by the softmax of their gates. With ratio 4 an entry also sees the 4 tokens before its own,
/// through values and gates of their own, so each token has two parts.
///
/// Values and gates are kept for every token, so that an entry may be completed by any later batch.
class Compressor {
 public:
  int ratio, width, qk_rope_head_dim;
  Linear wkv, wgate;  ///< [T, D] -> [T, parts * width]
  Tensor ape;         ///< [ratio, parts * width], added to the gates by a token's place in its entry
  RmsNorm norm;
  RotaryEmbedding rotary;

  int parts() const { return ratio == 4 ? 2 : 1; }

  /// Where entry n of sequence s is.
  struct Entries {
    Tensor pages;            ///< [blocks, entries of a block, width] with a cache
    Tensor fresh;            ///< [N, width] without: row first[s] + n; undefined if there are none
    std::vector<int> first;  ///< [S]
  };
  /// x [T, D]. The layer's planes from `plane` on are those of cache_planes().
  Entries operator()(const Tensor& x, const Batch& b, int layer, int plane) const;
  std::vector<CachePlane> cache_planes(const std::string& name) const;
  /// Entries that a row at this position may attend.
  int visible(int position) const { return (position + 1) / ratio; }
};

/// The last `rope` channels turned by position, as all rotary parts of DeepSeek-V4: x [T, H, width] -> the same.
Tensor turn_last(const Tensor& x, int rope, std::span<const int> positions, const RotaryEmbedding& rotary);

}  // namespace dure
