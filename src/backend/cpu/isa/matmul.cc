#include "backend/cpu/isa/matmul.h"

#include "backend/cpu/isa/dot.h"

namespace dure::DURE_ISA_NAMESPACE {
namespace {

// Blocks of the product: kBlockK columns of kBlockM rows of x stay in the L1 cache while the rows of w pass by. The
// vectors of partial sums wait in memory between two blocks along K, which changes nothing of their values.
constexpr int64_t kBlockM = 12, kBlockN = 64, kBlockK = 512;
static_assert(kBlockM % kTileM == 0);

/// Continues M x N vectors of partial sums over columns [0, K) of x and w. `sums` are kBlockN vectors a row.
template <int M, int N>
DURE_INLINE void dot_step(float* sums, ConstRows x, ConstRows w, int64_t K, bool from_zero) {
  Vec sum[M][N];
  DURE_UNROLL
  for (int m = 0; m < M; ++m) {
    DURE_UNROLL
    for (int n = 0; n < N; ++n) sum[m][n] = from_zero ? zero() : load(sums + (m * kBlockN + n) * kLanes);
  }
  int64_t k = 0;
  for (; k + kLanes <= K; k += kLanes) {
    Vec xs[M];
    DURE_UNROLL
    for (int m = 0; m < M; ++m) xs[m] = load(x.data + m * x.stride + k);
    DURE_UNROLL
    for (int n = 0; n < N; ++n) {
      const Vec v = load(w.data + n * w.stride + k);
      DURE_UNROLL
      for (int m = 0; m < M; ++m) sum[m][n] = fma(xs[m], v, sum[m][n]);
    }
  }
  if (k < K) {
    for (int n = 0; n < N; ++n) {
      const Vec v = load(w.data + n * w.stride + k, K - k);
      for (int m = 0; m < M; ++m) sum[m][n] = fma(load(x.data + m * x.stride + k, K - k), v, sum[m][n]);
    }
  }
  DURE_UNROLL
  for (int m = 0; m < M; ++m) {
    DURE_UNROLL
    for (int n = 0; n < N; ++n) store(sums + (m * kBlockN + n) * kLanes, sum[m][n]);
  }
}

template <int M>
void dot_rows(float* sums, ConstRows x, ConstRows w, int64_t N, int64_t K, bool from_zero) {
  int64_t n = 0;
  for (; n + kTileN <= N; n += kTileN)
    dot_step<M, kTileN>(sums + n * kLanes, x, {w.data + n * w.stride, w.stride}, K, from_zero);
  for (; n < N; ++n) dot_step<M, 1>(sums + n * kLanes, x, {w.data + n * w.stride, w.stride}, K, from_zero);
}

/// M <= kBlockM rows of x with N <= kBlockN rows of w.
void dot_block(Rows y, ConstRows x, ConstRows w, int64_t M, int64_t N, int64_t K) {
  alignas(64) float sums[kBlockM * kBlockN * kLanes];
  for (int64_t k = 0; k == 0 || k < K; k += kBlockK) {
    const int64_t depth = K - k < kBlockK ? K - k : kBlockK;
    const ConstRows wk = {w.data + k, w.stride};
    int64_t m = 0;
    const auto at = [&](int64_t r) { return ConstRows{x.data + r * x.stride + k, x.stride}; };
    for (; m + kTileM <= M; m += kTileM) dot_rows<kTileM>(sums + m * kBlockN * kLanes, at(m), wk, N, depth, k == 0);
    for (; m + 2 <= M; m += 2) dot_rows<2>(sums + m * kBlockN * kLanes, at(m), wk, N, depth, k == 0);
    for (; m < M; ++m) dot_rows<1>(sums + m * kBlockN * kLanes, at(m), wk, N, depth, k == 0);
  }
  for (int64_t m = 0; m < M; ++m)
    for (int64_t n = 0; n < N; ++n) y.data[m * y.stride + n] = reduce_add(load(sums + (m * kBlockN + n) * kLanes));
}

constexpr int kOuterM = 4, kOuterVecs = kLanes == 16 ? 4 : 2;

/// y[m, 0..Vecs * kLanes) += sum_k x[m, k] w[k, ...]; `tail` lanes of the last vector when Vecs is 1.
template <int M, int Vecs, bool kTail>
DURE_INLINE void outer_tile(Rows y, ConstRows x, int64_t x_step, ConstRows w, int64_t K, int64_t tail) {
  Vec sum[M][Vecs];
  const auto get = [=](const float* p) { return kTail ? load(p, tail) : load(p); };
  DURE_UNROLL
  for (int m = 0; m < M; ++m) {
    DURE_UNROLL
    for (int i = 0; i < Vecs; ++i) sum[m][i] = get(y.data + m * y.stride + i * kLanes);
  }
  for (int64_t k = 0; k < K; ++k) {
    Vec ws[Vecs];
    DURE_UNROLL
    for (int i = 0; i < Vecs; ++i) ws[i] = get(w.data + k * w.stride + i * kLanes);
    DURE_UNROLL
    for (int m = 0; m < M; ++m) {
      const Vec xs = set(x.data[m * x.stride + k * x_step]);
      DURE_UNROLL
      for (int i = 0; i < Vecs; ++i) sum[m][i] = fma(xs, ws[i], sum[m][i]);
    }
  }
  DURE_UNROLL
  for (int m = 0; m < M; ++m) {
    DURE_UNROLL
    for (int i = 0; i < Vecs; ++i) {
      float* to = y.data + m * y.stride + i * kLanes;
      if (kTail)
        store(to, sum[m][i], tail);
      else
        store(to, sum[m][i]);
    }
  }
}

template <int M>
void outer_rows(Rows y, ConstRows x, int64_t x_step, ConstRows w, int64_t N, int64_t K) {
  int64_t n = 0;
  const auto ys = [&] { return Rows{y.data + n, y.stride}; };
  const auto ws = [&] { return ConstRows{w.data + n, w.stride}; };
  for (; n + kOuterVecs * kLanes <= N; n += kOuterVecs * kLanes)
    outer_tile<M, kOuterVecs, false>(ys(), x, x_step, ws(), K, 0);
  for (; n + kLanes <= N; n += kLanes) outer_tile<M, 1, false>(ys(), x, x_step, ws(), K, 0);
  if (n < N) outer_tile<M, 1, true>(ys(), x, x_step, ws(), K, N - n);
}

}  // namespace

void dot(Rows y, ConstRows x, ConstRows w, int64_t M, int64_t N, int64_t K) {
  for (int64_t n = 0; n < N; n += kBlockN)
    for (int64_t m = 0; m < M; m += kBlockM)
      dot_block({y.data + m * y.stride + n, y.stride}, {x.data + m * x.stride, x.stride},
                {w.data + n * w.stride, w.stride}, M - m < kBlockM ? M - m : kBlockM, N - n < kBlockN ? N - n : kBlockN,
                K);
}

void outer(Rows y, ConstRows x, int64_t x_step, ConstRows w, int64_t M, int64_t N, int64_t K) {
  int64_t m = 0;
  for (; m + kOuterM <= M; m += kOuterM)
    outer_rows<kOuterM>({y.data + m * y.stride, y.stride}, {x.data + m * x.stride, x.stride}, x_step, w, N, K);
  for (; m < M; ++m)
    outer_rows<1>({y.data + m * y.stride, y.stride}, {x.data + m * x.stride, x.stride}, x_step, w, N, K);
}

}  // namespace dure::DURE_ISA_NAMESPACE
