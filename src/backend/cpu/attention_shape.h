#pragma once

#include <algorithm>

#include "backend/cpu/cpu_backend.h"

namespace dure {

/// One part of the keys or the values of one sequence.
class Lines {
 public:
  Lines(const ConstView& part, const KvSource& kv, const Ragged& rows, int sequence)
      : part_(part), block_size_(kv.block_size), first_row_(rows.starts[sequence]) {
    if (block_size_ > 0) pages_ = kv.block_table.row<int>(sequence);
  }

  bool empty() const { return part_.empty(); }
  int64_t width() const { return part_.columns(); }
  int64_t heads() const { return part_.dim(-2); }

  /// out[j - begin] = line of position j and the head, as float32, for j in [begin, end).
  void widen(const cpu::Kernels& kernels, int64_t begin, int64_t end, int64_t head, cpu::Rows out) const {
    const DTypeInfo& type = info(part_.dtype);
    const cpu::FormatKernels& format = *kernels.formats[format_of(part_.dtype)];
    const int line =
        part_.shape.rank() - 3;  // the dimension of lines: [R, heads, width] or [pages, lines, heads, width]
    while (begin < end) {
      int64_t last = end, offset = head * part_.strides[line + 1];
      if (block_size_ == 0) {
        offset += (first_row_ + begin) * part_.strides[line];
      } else {
        last = std::min(end, (begin / block_size_ + 1) * block_size_);
        offset += pages_[begin / block_size_] * part_.strides[0] + begin % block_size_ * part_.strides[line];
      }
      const cpu::WeightRows rows = {static_cast<const uint8_t*>(part_.data) + offset * type.block_bytes,
                                    part_.strides[line] * type.block_bytes, width()};
      format.unpack(rows, 0, last - begin, 0, width(), out);
      out.data += (last - begin) * out.stride;
      begin = last;
    }
  }

 private:
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
  int64_t visible(int sequence, int64_t t) const {
    return kv.block_size == 0 ? t - rows.starts[sequence] + 1 : rows.positions[t] + 1;
  }
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

}  // namespace dure
