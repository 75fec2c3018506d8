#include "nn/kv_cache.h"

#include <cstring>

#include "base/error.h"
#include "ops/attention.h"
#include "ops/view.h"

namespace dure {

KVCache::KVCache(Device& device, const std::vector<std::vector<CachePlane>>& planes, int blocks, DType dtype)
    : blocks_(blocks) {
  require(dtype == DType::F32 || dtype == DType::BF16 || dtype == DType::F16,
          "cache dtype {}: expected F32, BF16 or F16", name(dtype));
  for (const auto& layer : planes) {
    planes_.emplace_back();
    for (const CachePlane& plane : layer)
      planes_.back().push_back(Tensor::empty(device, dtype, {blocks, kBlockSize / plane.stride, plane.width}));
  }
}

int64_t KVCache::bytes() const {
  int64_t bytes = 0;
  for (const auto& layer : planes_)
    for (const Tensor& plane : layer) bytes += plane.bytes();
  return bytes;
}

Tensor KVCache::pages(int layer, int plane, int64_t heads) const {
  const Tensor& t = planes_.at(layer).at(plane);
  return t.alias({blocks_, t.dim(1), heads, t.dim(2) / heads});
}

std::span<std::byte> KVCache::rows_of(const Tensor& plane, int block, int rows) {
  const int64_t block_bytes = plane.bytes() / plane.dim(0), stride = kBlockSize / plane.dim(1);
  const int64_t used = rows / stride * (block_bytes / plane.dim(1));
  return {static_cast<std::byte*>(plane.view().data) + block * block_bytes, static_cast<size_t>(used)};
}

int64_t KVCache::bytes(int rows) const {
  int64_t bytes = 0;
  for (const auto& layer : planes_)
    for (const Tensor& plane : layer) bytes += static_cast<int64_t>(rows_of(plane, 0, rows).size());
  return bytes;
}

std::vector<std::byte> KVCache::save(int block, int rows) const {
  std::vector<std::byte> bytes;
  bytes.reserve(static_cast<size_t>(this->bytes(rows)));
  for (const auto& layer : planes_)
    for (const Tensor& plane : layer) {
      const auto part = rows_of(plane, block, rows);
      bytes.insert(bytes.end(), part.begin(), part.end());
    }
  return bytes;
}

void KVCache::load(int block, int rows, std::span<const std::byte> from) {
  require(from.size() == static_cast<size_t>(bytes(rows)), "KV cache: {} bytes for {} rows, expected {}", from.size(),
          rows, bytes(rows));
  for (const auto& layer : planes_)
    for (const Tensor& plane : layer) {
      const auto part = rows_of(plane, block, rows);
      std::memcpy(part.data(), from.data(), part.size());
      from = from.subspan(part.size());
    }
}

void KVCache::copy(int from, int to, int rows) {
  for (const auto& layer : planes_)
    for (const Tensor& plane : layer) {
      const auto part = rows_of(plane, from, rows);
      std::memcpy(rows_of(plane, to, rows).data(), part.data(), part.size());
    }
}

int64_t cache_bytes_per_token(const std::vector<std::vector<CachePlane>>& planes, DType dtype) {
  int64_t values = 0;  // of a block
  for (const auto& layer : planes)
    for (const CachePlane& plane : layer) values += int64_t{plane.width} * (KVCache::kBlockSize / plane.stride);
  return (values * info(dtype).block_bytes + KVCache::kBlockSize - 1) / KVCache::kBlockSize;
}

Tensor append_to_cache(const Tensor& rows, const Batch& b, int layer, int plane) {
  const Tensor pages = b.cache->pages(layer, plane, 1);  // [blocks, block_size, 1, heads * width]
  cache_append(pages.alias({pages.dim(0), pages.dim(1), pages.dim(3)}), reshape(rows, {rows.dim(0), -1}), b.block_table,
               b.ragged());
  return b.cache->pages(layer, plane, rows.dim(1));
}

Tensor attend(const Tensor& q, const std::array<Tensor, 2>& key, const Tensor& value, const Batch& b, int layer,
              float scale) {
  if (b.cache == nullptr) return attention(q, key, value, b.ragged(), scale);
  int plane = 0;
  std::array<Tensor, 2> keys;
  keys[0] = append_to_cache(key[0], b, layer, plane++);
  if (key[1].defined()) keys[1] = append_to_cache(key[1], b, layer, plane++);
  const Tensor values = value.same(key[0]) ? keys[0] : append_to_cache(value, b, layer, plane++);
  return attention_paged(q, keys, values, b.block_table, b.ragged(), scale);
}

}  // namespace dure
