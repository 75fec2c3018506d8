#include <algorithm>
#include <cmath>
#include <functional>

#include "backend/reference/reference.h"

namespace dure {
namespace {

/// One part of the keys or values, seen as [position, head, width] of one sequence.
class Lines {
 public:
  Lines(ConstView part, const KvSource& kv, const Ragged& rows, int sequence)
      : part_(part), kv_(kv), first_row_(first_line(kv, rows, sequence)), sequence_(sequence) {}

  bool empty() const { return part_.empty(); }
  int64_t width() const { return part_.columns(); }
  int64_t heads() const { return part_.dim(-2); }

  /// Elements from the part's start to the line of (position, head). In a batch `position` counts its rows.
  int64_t offset(int64_t position, int64_t head) const {
    if (kv_.block_size == 0) return (first_row_ + position) * part_.strides[0] + head * part_.strides[1];
    const int64_t page = kv_.block_table.row<int>(sequence_)[position / kv_.block_size];
    return page * part_.strides[0] + position % kv_.block_size * part_.strides[1] + head * part_.strides[2];
  }
  /// The line of (position, head) as float32; the pointer is good until the next call.
  const float* line(int64_t position, int64_t head) {
    const DTypeInfo& type = info(part_.dtype);
    line_.resize(static_cast<size_t>(width()));
    type.dequantise(static_cast<const std::byte*>(part_.data) + offset(position, head) * type.block_bytes, line_.data(),
                    width());
    return line_.data();
  }

 private:
  ConstView part_;
  const KvSource& kv_;
  int64_t first_row_;
  int sequence_;
  std::vector<float> line_;
};

/// One query row and head of one sequence, with the softmax over the keys it may see.
struct Query {
  Query(ConstView q, const KvSource& kv, const Ragged& rows, int sequence, int64_t t, int64_t h)
      : key{Lines(kv.key[0], kv, rows, sequence), Lines(kv.key[1], kv, rows, sequence)},
        value(kv.value, kv, rows, sequence),
        head(h),
        heads(q.dim(1)),
        visible(visible_positions(kv, rows, sequence, t)),
        vector(q.row(t * q.dim(1) + h)) {}

  int64_t head_of(const Lines& lines) const { return head * lines.heads() / heads; }

  std::vector<double> softmax(float scale) {
    std::vector<double> p(static_cast<size_t>(visible));
    double max = -INFINITY, sum = 0;
    for (int64_t j = 0; j < visible; ++j) {
      const float* q = vector;
      for (Lines& part : key) {
        if (part.empty()) continue;
        const float* k = part.line(j, head_of(part));
        for (int64_t i = 0; i < part.width(); ++i) p[j] += double(q[i]) * k[i];
        q += part.width();
      }
      p[j] *= scale;
      max = std::max(max, p[j]);
    }
    for (double& v : p) sum += v = std::exp(v - max);
    lse = max + std::log(sum);  // -infinity of no positions
    for (double& v : p) v /= sum;
    return p;
  }

  std::array<Lines, 2> key;
  Lines value;
  int64_t head, heads, visible;
  const float* vector;
  double lse = 0;
};

template <class F>
void for_each_query(ConstView q, const KvSource& kv, const Ragged& rows, F f) {
  for (int s = 0; s < rows.sequences(); ++s)
    for (int64_t t = rows.starts[s]; t < rows.starts[s + 1]; ++t)
      for (int64_t h = 0; h < q.dim(1); ++h) {
        Query query(q, kv, rows, s, t, h);
        f(query, t * q.dim(1) + h);
      }
}

}  // namespace

void ReferenceBackend::attention(View o, View lse, ConstView q, const KvSource& kv, const Ragged& rows, float scale) {
  for_each_query(q, kv, rows, [&](Query& query, int64_t row) {
    const std::vector<double> p = query.softmax(scale);
    std::vector<double> sum(static_cast<size_t>(o.columns()));
    for (int64_t j = 0; j < query.visible; ++j) {
      const float* v = query.value.line(j, query.head_of(query.value));
      for (int64_t i = 0; i < o.columns(); ++i) sum[i] += p[j] * v[i];
    }
    std::copy(sum.begin(), sum.end(), o.row(row));
    if (!lse.empty()) static_cast<float*>(lse.data)[row] = static_cast<float>(query.lse);
  });
}

void best_positions(const float* scores, int64_t n, int32_t* ids, int64_t count) {
  const auto score = [&](int64_t j) { return std::isnan(scores[j]) ? -INFINITY : scores[j]; };
  float least = -INFINITY;  // of those that are taken
  int64_t ties = n;         // how many of exactly that are
  if (n > count) {
    std::vector<float> sorted(static_cast<size_t>(n));
    for (int64_t j = 0; j < n; ++j) sorted[static_cast<size_t>(j)] = score(j);
    const auto last = sorted.begin() + (count - 1);
    std::nth_element(sorted.begin(), last, sorted.end(), std::greater<>());
    least = *last;
    ties = count - std::count_if(sorted.begin(), last, [&](float s) { return s > least; });
  }
  int32_t* end = ids + count;
  for (int64_t j = 0; j < n; ++j)
    if (score(j) > least || (score(j) == least && ties-- > 0)) *ids++ = static_cast<int32_t>(j);
  std::fill(ids, end, -1);
}

void ReferenceBackend::select_positions(View ids, ConstView q, ConstView weights, const KvSource& kv,
                                        const Ragged& rows) {
  for (int s = 0; s < rows.sequences(); ++s) {
    Lines keys(kv.key[0], kv, rows, s);
    for (int64_t t = rows.starts[s]; t < rows.starts[s + 1]; ++t) {
      std::vector<float> scores(static_cast<size_t>(visible_positions(kv, rows, s, t)));
      for (size_t j = 0; j < scores.size(); ++j) {
        const float* key = keys.line(static_cast<int64_t>(j), 0);
        double sum = 0;
        for (int64_t h = 0; h < q.dim(1); ++h) {
          double dot = 0;
          for (int64_t i = 0; i < q.columns(); ++i) dot += double(q.row(t * q.dim(1) + h)[i]) * key[i];
          sum += weights.row(t)[h] * std::max(dot, 0.0);
        }
        scores[j] = static_cast<float>(sum);
      }
      best_positions(scores.data(), static_cast<int64_t>(scores.size()), ids.row<int32_t>(t), ids.columns());
    }
  }
}

void ReferenceBackend::attention_backward(View dq, std::array<View, 2> dkey, View dvalue, ConstView dout, ConstView q,
                                          const KvSource& kv, const Ragged& rows, float scale) {
  for_each_query(q, kv, rows, [&](Query& query, int64_t row) {
    const std::vector<double> p = query.softmax(scale);
    const float* d = dout.row(row);
    // dvalue_j += p_j dout;  dp_j = dout . value_j;  dscore_j = p_j (dp_j - sum_i p_i dp_i)
    std::vector<double> dscore(p.size());
    double mean = 0;
    const int64_t vh = query.head_of(query.value);
    for (int64_t j = 0; j < query.visible; ++j) {
      float* dv = static_cast<float*>(dvalue.data) + query.value.offset(j, vh);
      const float* v = query.value.line(j, vh);
      for (int64_t i = 0; i < dout.columns(); ++i) {
        dv[i] += static_cast<float>(p[j] * d[i]);
        dscore[j] += double(d[i]) * v[i];
      }
      mean += p[j] * dscore[j];
    }
    for (int64_t j = 0; j < query.visible; ++j) dscore[j] = p[j] * (dscore[j] - mean) * scale;

    const float* q_part = query.vector;
    float* dq_part = dq.row(row);
    for (int part = 0; part < 2; ++part) {
      Lines& key = query.key[part];
      if (key.empty()) continue;
      std::vector<double> sum(static_cast<size_t>(key.width()));
      for (int64_t j = 0; j < query.visible; ++j) {
        const float* k = key.line(j, query.head_of(key));
        float* dk = static_cast<float*>(dkey[part].data) + key.offset(j, query.head_of(key));
        for (int64_t i = 0; i < key.width(); ++i) {
          sum[i] += dscore[j] * k[i];
          dk[i] += static_cast<float>(dscore[j] * q_part[i]);
        }
      }
      std::copy(sum.begin(), sum.end(), dq_part);
      q_part += key.width();
      dq_part += key.width();
    }
  });
}

void ReferenceBackend::cache_append(View pages, ConstView x, ConstView block_table, const Ragged& rows) {
  const int64_t block = pages.dim(1);
  const DTypeInfo& type = info(pages.dtype);
  for (int s = 0; s < rows.sequences(); ++s)
    for (int t = rows.starts[s]; t < rows.starts[s + 1]; ++t) {
      const int64_t position = rows.positions[t], page = block_table.row<int>(s)[position / block];
      const int64_t offset = page * pages.strides[0] + position % block * pages.strides[1];
      type.quantise(x.row(t), nullptr, static_cast<std::byte*>(pages.data) + offset * type.block_bytes, x.columns());
    }
}

void ReferenceBackend::cache_read(View x, ConstView pages, ConstView block_table, const Ragged& rows) {
  const int64_t block = pages.dim(1);
  const DTypeInfo& type = info(pages.dtype);
  for (int s = 0; s < rows.sequences(); ++s)
    for (int t = rows.starts[s]; t < rows.starts[s + 1]; ++t) {
      const int64_t position = rows.positions[t], page = block_table.row<int>(s)[position / block];
      const int64_t offset = page * pages.strides[0] + position % block * pages.strides[1];
      type.dequantise(static_cast<const std::byte*>(pages.data) + offset * type.block_bytes, x.row(t), x.columns());
    }
}

void ReferenceBackend::merge_attention(View o, View lse, ConstView other, ConstView other_lse) {
  for (int64_t r = 0; r < o.rows(); ++r) {
    const double a = static_cast<const float*>(lse.data)[r], b = static_cast<const float*>(other_lse.data)[r];
    if (b == -INFINITY) continue;
    static_cast<float*>(lse.data)[r] = static_cast<float>(std::max(a, b) + std::log1p(std::exp(-std::abs(a - b))));
    const double share = 1 / (1 + std::exp(b - a));  // of o
    for (int64_t i = 0; i < o.columns(); ++i)
      o.row(r)[i] = static_cast<float>(share * o.row(r)[i] + (1 - share) * other.row(r)[i]);
  }
}

}  // namespace dure
