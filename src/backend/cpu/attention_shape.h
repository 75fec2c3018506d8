#pragma once

#include <algorithm>
#include <optional>

#include "backend/cpu/cpu_backend.h"

namespace dure {

/// One part of the keys or the values of one sequence.
class Lines {
 public:
  Lines(const ConstView& part, const KvSource& kv, const Ragged& rows, int sequence)
      : part_(part), block_size_(kv.block_size), first_row_(first_line(kv, rows, sequence)) {
    if (block_size_ > 0) pages_ = kv.block_table.row<int>(sequence);
  }

  bool empty() const { return part_.empty(); }
  int64_t width() const { return part_.columns(); }
  int64_t heads() const { return part_.dim(-2); }

  /// Lines [begin, end) of the head where they are, or nothing if they lie in several pages or in other numbers.
  std::optional<cpu::KvLines> in_place(DType numbers, int64_t begin, int64_t end, int64_t head) const {
    if (part_.dtype != numbers || (block_size_ != 0 && begin / block_size_ != (end - 1) / block_size_)) return {};
    return where(begin, head);
  }
  int64_t number_bytes() const { return info(part_.dtype).block_bytes; }
  cpu::KvLines where(int64_t position, int64_t head) const {
    return {static_cast<const uint8_t*>(part_.data) + offset(position, head) * number_bytes(),
            part_.strides[line_dimension()] * number_bytes()};
  }
  /// out[j - begin] = line of position j and the head, as float32, for j in [begin, end).
  void widen(const cpu::Kernels& kernels, int64_t begin, int64_t end, int64_t head, cpu::Rows out) const {
    const DTypeInfo& type = info(part_.dtype);
    const cpu::FormatKernels& format = *kernels.formats[format_of(part_.dtype)];
    while (begin < end) {
      const int64_t last = block_size_ == 0 ? end : std::min(end, (begin / block_size_ + 1) * block_size_);
      const cpu::WeightRows rows = {static_cast<const uint8_t*>(part_.data) + offset(begin, head) * type.block_bytes,
                                    part_.strides[line_dimension()] * type.block_bytes, width()};
      format.unpack(rows, 0, last - begin, 0, width(), out);
      out.data += (last - begin) * out.stride;
      begin = last;
    }
  }

 private:
  int line_dimension() const { return part_.shape.rank() - 3; }  // of [R, heads, width] or [pages, lines, heads, width]
  int64_t offset(int64_t position, int64_t head) const {         // elements
    const int line = line_dimension();
    const int64_t in_line = head * part_.strides[line + 1];
    if (block_size_ == 0) return in_line + (first_row_ + position) * part_.strides[line];
    return in_line + pages_[position / block_size_] * part_.strides[0] + position % block_size_ * part_.strides[line];
  }

  const ConstView& part_;
  int64_t block_size_, first_row_;
  const int* pages_ = nullptr;
};

/// The shapes of one call of attention() or its backward, and where its keys and values are.
struct AttentionShape {
  ConstView q;  // [T, H, Dk]
  int64_t Dv;
  const KvSource& kv;
  const Ragged& rows;

  int64_t heads() const { return q.dim(1); }
  int64_t Dk() const { return q.columns(); }
  /// Groups of heads that share their keys and values in every part.
  int64_t groups() const {
    int64_t most = kv.value.dim(-2);
    for (const ConstView& part : kv.key)
      if (!part.empty()) most = std::max(most, part.dim(-2));
    return most;
  }
  int64_t group_heads() const { return heads() / groups(); }
  /// Positions that row t of the sequence attends.
  int64_t visible(int sequence, int64_t t) const { return visible_positions(kv, rows, sequence, t); }
  /// out [end - begin, Dk] = the group's keys at positions [begin, end), their parts side by side.
  void keys(const cpu::Kernels& kernels, int sequence, int64_t group, int64_t begin, int64_t end, float* out) const {
    int64_t channel = 0;
    for (const ConstView& part : kv.key) {
      if (part.empty()) continue;
      const Lines lines(part, kv, rows, sequence);
      lines.widen(kernels, begin, end, group * lines.heads() / groups(), {out + channel, Dk()});
      channel += lines.width();
    }
  }
  /// out [end - begin, Dv] = its values there.
  void values(const cpu::Kernels& kernels, int sequence, int64_t group, int64_t begin, int64_t end, float* out) const {
    const Lines lines(kv.value, kv, rows, sequence);
    lines.widen(kernels, begin, end, group * lines.heads() / groups(), {out, Dv});
  }
};

/// Reads tiles of one sequence and group of heads in the numbers of a kernel: where they are, or copied.
class TileReader {
 public:
  TileReader(const AttentionShape& shape, const cpu::Kernels& kernels, const cpu::AttentionKernels& arithmetic,
             Scratch& scratch, int sequence, int64_t group)
      : kernels_(kernels),
        arithmetic_(arithmetic),
        numbers_(arithmetic.number_bytes == 2 ? DType::BF16 : DType::F32),
        group_(group),
        groups_(shape.groups()),
        parts_{Lines(shape.kv.key[0], shape.kv, shape.rows, sequence),
               Lines(shape.kv.key[1], shape.kv, shape.rows, sequence),
               Lines(shape.kv.value, shape.kv, shape.rows, sequence)},
        value_is_key_(shape.kv.value.data == shape.kv.key[0].data && shape.Dv == parts_[0].width()),
        channels_(shape.Dv) {
    int64_t floats = 0;
    for (int i = 0; i < 3; ++i) {
      if (parts_[i].empty()) continue;
      at_[i] = floats;
      floats += cpu::kTileLines * padded(parts_[i].width());
    }
    memory_ = scratch.take(floats);
  }

  /// Points the tile's keys and values to positions [begin, end), until the next call. The next one will follow them,
  /// up to `last`.
  void operator()(int64_t begin, int64_t end, int64_t last, cpu::AttentionTile* tile) const {
    const bool more = end < last;
    for (int i = 0; i < 2; ++i) {
      tile->key_steps[i] = parts_[i].empty() ? 0 : parts_[i].width() * arithmetic_.number_bytes / 4;
      tile->key[i] = parts_[i].empty() ? cpu::KvLines{} : lines(i, begin, end);
    }
    for (int i = 0; i < 2; ++i) tile->key_ahead[i] = parts_[i].empty() ? cpu::KvAhead{} : ahead(i, more ? end : begin);
    tile->value_ahead = value_is_key_ ? tile->key_ahead[0] : ahead(2, more ? end : begin);
    tile->channels = channels_;
    tile->value = value_is_key_ ? tile->key[0] : lines(2, begin, end);
  }

 private:
  static int64_t padded(int64_t width) { return (width + 15) / 16 * 16; }

  cpu::KvLines lines(int part, int64_t begin, int64_t end) const {
    const Lines& from = parts_[part];
    const int64_t head = group_ * from.heads() / groups_, stride = padded(from.width());
    if (const auto there = from.in_place(numbers_, begin, end, head)) return *there;
    float* to = memory_.data() + at_[part];
    from.widen(kernels_, begin, end, head, {to, stride});
    if (numbers_ != DType::F32)  // shorter numbers fit where longer ones were
      for (int64_t j = 0; j < end - begin; ++j) arithmetic_.convert(to + j * stride, to + j * stride, from.width());
    return {reinterpret_cast<const uint8_t*>(to), stride * static_cast<int64_t>(sizeof(float))};
  }

  cpu::KvAhead ahead(int part, int64_t begin) const {
    const Lines& from = parts_[part];
    const cpu::KvLines line = from.where(begin, group_ * from.heads() / groups_);
    return {line.data, line.stride, from.number_bytes() * 4 / arithmetic_.number_bytes};
  }

  const cpu::Kernels& kernels_;
  const cpu::AttentionKernels& arithmetic_;
  DType numbers_;
  int64_t group_, groups_;
  Lines parts_[3];  // two of the key, the value
  bool value_is_key_;
  int64_t channels_, at_[3] = {};
  Scratch::Buffer memory_;
};

}  // namespace dure
