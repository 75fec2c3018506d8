#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "nn/batch.h"

namespace dure {

/// What one layer keeps of each token: GQA k and v; MLA c_kv and k_pe; or of every `stride` tokens: entries of V4.
struct CachePlane {
  std::string name;
  int width;       ///< values of a row, all heads together
  int stride = 1;  ///< tokens of a row; divides KVCache::kBlockSize
};

/// Pages for every plane of every layer. A page (block) holds kBlockSize consecutive positions of one sequence; which
/// pages belong to which sequence is the caller's business (Batch::block_table).
class KVCache {
 public:
  static constexpr int kBlockSize = 128;

  /// planes[layer] as Model::cache_planes() gives them; dtype F32, BF16 or F16.
  KVCache(Device& device, const std::vector<std::vector<CachePlane>>& planes, int blocks, DType dtype);

  int blocks() const { return blocks_; }
  int64_t bytes() const;
  /// Plane `plane` of a layer as [blocks, kBlockSize / stride, heads, width / heads]; shares memory.
  Tensor pages(int layer, int plane, int64_t heads) const;

  /// What a block keeps of its first `rows` tokens: layer after layer, plane after plane, row after row.
  std::vector<std::byte> save(int block, int rows) const;
  /// Writes what save() gave. Throws Error if the bytes are not those of so many rows.
  void load(int block, int rows, std::span<const std::byte> bytes);
  /// What one block keeps of its first `rows` tokens becomes another's.
  void copy(int from, int to, int rows);
  int64_t bytes(int rows) const;  ///< of a block's first `rows` tokens, of all planes

 private:
  /// What one plane has of a block's first `rows` tokens.
  static std::span<std::byte> rows_of(const Tensor& plane, int block, int rows);

  int blocks_;
  std::vector<std::vector<Tensor>> planes_;  // [layer][plane]: [blocks, kBlockSize / stride, width]
};

/// Bytes that one token takes in the cache, rounded up.
int64_t cache_bytes_per_token(const std::vector<std::vector<CachePlane>>& planes, DType dtype);

/// Writes new rows [T, heads, width] to a plane of the batch's cache; returns the plane's pages.
Tensor append_to_cache(const Tensor& rows, const Batch& b, int layer, int plane);

/// Causal attention as a layer needs it: without a cache over the rows of the batch; with one, writes the new rows to
/// the layer's planes (the key's parts, then the value unless it is the first part itself) and attends the pages.
/// q [T, H, Dk], key parts [T, heads, width], value [T, heads, Dv] -> [T, H, Dv]
Tensor attend(const Tensor& q, const std::array<Tensor, 2>& key, const Tensor& value, const Batch& b, int layer,
              float scale);

}  // namespace dure
