#include "backend/cpu/isa/attention.h"

#include "backend/cpu/isa/exp.h"
#include "backend/cpu/isa/lanes.h"

// A pack's 16 queries are the lanes of a vector while scores are made, so that a key is broadcast to all of them and a
// softmax runs down the lanes; the channels of a value are the lanes when values are weighted.

namespace dure::DURE_ISA_NAMESPACE {
namespace {

using cpu::AttentionTile;
using cpu::kQueryLanes;
using cpu::KvLines;

constexpr int kPackVecs = kQueryLanes / kLanes;  // vectors of a pack

/// How many positions, and how many queries, a register tile takes.
constexpr int kScoreLines = kLanes == 16 ? 16 : 4, kWeighQueries = kLanes == 16 ? 8 : 4;

/// Numbers are float32: a step is one of them.
struct Float32 {
  static constexpr int kBytes = 4, kPerStep = 1, kVecs = 2;
  /// Products of a score that are added up before they join the rest: long sums lose less in short pieces.
  static constexpr int64_t kSumSteps = 16;

  static DURE_INLINE Vec multiply_add(Vec sum, Vec a, Vec b) { return fma(a, b, sum); }
  static DURE_INLINE void store_step(float* to, Vec first, Vec) { store(to, first); }
  static DURE_INLINE Vec sum_of_step(const float* step) { return load(step); }
  /// Channels [0, n) of one position, for n up to kVecs vectors.
  template <bool kTail>
  static DURE_INLINE void values(Vec (&v)[kVecs], const uint8_t* line, const uint8_t*, int64_t n) {
    const auto* p = reinterpret_cast<const float*>(line);
    DURE_UNROLL
    for (int i = 0; i < kVecs; ++i) v[i] = kTail ? load_some(p + i * kLanes, n - i * kLanes) : load(p + i * kLanes);
  }
  static DURE_INLINE Vec load_some(const float* p, int64_t n) {
    return n <= 0 ? zero() : n >= kLanes ? load(p) : load(p, n);
  }
  static void convert(void* to, const float* from, int64_t n) {
    __builtin_memcpy(to, from, static_cast<size_t>(n) * sizeof(float));
  }
};

#ifdef __AVX512BF16__
/// Numbers are bfloat16: a step is two of them, one after the other along the sum.
struct BFloat16 {
  static constexpr int kBytes = 2, kPerStep = 2, kVecs = 2;
  static constexpr int64_t kSumSteps = 64;

  static DURE_INLINE Vec multiply_add(Vec sum, Vec a, Vec b) {
    return add_pair_products(sum, _mm512_castps_si512(a), _mm512_castps_si512(b));
  }
  /// Words 0, 16, 1, 17, ... of the pair.
  static DURE_INLINE __m512i interleave(__m512i a) {
    return _mm512_permutexvar_epi16(_mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23,
                                                     7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0),
                                    a);
  }
  static DURE_INLINE void store_step(float* to, Vec first, Vec second) {
    _mm512_storeu_si512(to, interleave((__m512i)_mm512_cvtne2ps_pbh(second, first)));
  }
  static DURE_INLINE Vec sum_of_step(const float* step) {
    const __m512i pair = _mm512_loadu_si512(step);
    return add(from_bits(_mm512_slli_epi32(pair, 16)),
               from_bits(_mm512_and_si512(pair, _mm512_set1_epi32((int)0xffff0000))));
  }
  /// Channels [0, n) of two positions side by side, for n up to 32; zeros for a second that is null.
  template <bool kTail>
  static DURE_INLINE void values(Vec (&v)[kVecs], const uint8_t* line, const uint8_t* next, int64_t n) {
    const __mmask32 mask = kTail ? static_cast<__mmask32>((uint64_t{1} << n) - 1) : ~__mmask32{0};
    const __m512i a = kTail ? _mm512_maskz_loadu_epi16(mask, line) : _mm512_loadu_si512(line);
    const __m512i b = next == nullptr ? _mm512_setzero_si512()
                      : kTail         ? _mm512_maskz_loadu_epi16(mask, next)
                                      : _mm512_loadu_si512(next);
    const __m512i low = _mm512_set_epi16(47, 15, 46, 14, 45, 13, 44, 12, 43, 11, 42, 10, 41, 9, 40, 8, 39, 7, 38, 6, 37,
                                         5, 36, 4, 35, 3, 34, 2, 33, 1, 32, 0);
    v[0] = from_bits(_mm512_permutex2var_epi16(a, low, b));
    v[1] = from_bits(_mm512_permutex2var_epi16(a, _mm512_add_epi16(low, _mm512_set1_epi16(16)), b));
  }
  static void convert(void* to, const float* from, int64_t n) {
    auto* words = static_cast<uint16_t*>(to);
    for (int64_t i = 0; i < n; i += kLanes) {
      const int64_t rest = n - i < kLanes ? n - i : kLanes;
      _mm256_mask_storeu_epi16(words + i, first(rest), (__m256i)_mm512_cvtneps_pbh(load(from + i, rest)));
    }
  }
};
#endif

/// Four bytes in every lane.
DURE_INLINE Vec broadcast_step(const uint8_t* p) {
  float step;
  memcpy(&step, p, sizeof step);
  return set(step);
}

/// Asks for the lines of a later tile, one cache line a step: those of 16 lines while 64 bytes of each key are read.
struct Ahead {
  const uint8_t* data;
  int64_t stride, step;

  Ahead(const cpu::KvAhead& to, int64_t line) : data(to.data + line * to.stride), stride(to.stride), step(to.step) {}
  DURE_INLINE void prefetch(int64_t k) const {
    _mm_prefetch(reinterpret_cast<const char*>(data + (k & 15) * stride + k * step), _MM_HINT_T1);
  }
};

/// scores[line + n][16] += q . key over steps [begin, end), for N positions from `line` on.
template <class A, int N>
DURE_INLINE void score_steps(const float* q, KvLines key, int64_t line, int64_t begin, int64_t end, Ahead next_key,
                             Ahead next_value, float* scores) {
  constexpr int kFours = (N + 3) / 4;
  const uint8_t* k[kFours];  // few enough pointers to stay in registers
  DURE_UNROLL
  for (int f = 0; f < kFours; ++f) k[f] = key.data + (line + 4 * f) * key.stride + begin * 4;
  Vec sum[N][kPackVecs];
  DURE_UNROLL
  for (int n = 0; n < N; ++n) {
    DURE_UNROLL
    for (int i = 0; i < kPackVecs; ++i) sum[n][i] = zero();
  }
  for (int64_t step = begin; step < end; ++step) {
    next_key.prefetch(step);
    next_value.prefetch(step);
    Vec qs[kPackVecs];
    DURE_UNROLL
    for (int i = 0; i < kPackVecs; ++i) qs[i] = load(q + step * kQueryLanes + i * kLanes);
    DURE_UNROLL
    for (int n = 0; n < N; ++n) {
      const Vec number = broadcast_step(k[n / 4] + n % 4 * key.stride);
      DURE_UNROLL
      for (int i = 0; i < kPackVecs; ++i) sum[n][i] = A::multiply_add(sum[n][i], qs[i], number);
    }
    DURE_UNROLL
    for (int f = 0; f < kFours; ++f) k[f] += 4;
  }
  DURE_UNROLL
  for (int n = 0; n < N; ++n) {
    DURE_UNROLL
    for (int i = 0; i < kPackVecs; ++i) {
      float* score = scores + (line + n) * kQueryLanes + i * kLanes;
      store(score, add(load(score), sum[n][i]));
    }
  }
}

/// scores[line + n][16] = q . key.
template <class A, int N>
DURE_INLINE void score_lines(const AttentionTile& t, int64_t line, float* scores) {
  memset(scores + line * kQueryLanes, 0, N * kQueryLanes * sizeof(float));
  const float* q = t.queries;
  for (int part = 0; part < 2; ++part) {
    const int64_t steps = t.key_steps[part];
    for (int64_t begin = 0; begin < steps; begin += A::kSumSteps)
      score_steps<A, N>(q, t.key[part], line, begin, begin + A::kSumSteps < steps ? begin + A::kSumSteps : steps,
                        Ahead(t.key_ahead[part], line), Ahead(t.value_ahead, line), scores);
    q += steps * kQueryLanes;
  }
}

/// scores [lines][16] become probabilities in the kernel's numbers, [steps][16]; alpha is what older sums are worth
/// beside them.
template <class A>
DURE_INLINE void soften(const AttentionTile& t, float* scores, float* alpha) {
  int32_t all_see = static_cast<int32_t>(t.lines);
  for (const int32_t seen : t.seen) all_see = seen < all_see ? seen : all_see;
  for (int i = 0; i < kPackVecs; ++i) {
    float *column = scores + i * kLanes, *step = column;
    const auto at = [=](int64_t line) { return column + line * kQueryLanes; };
    float seen_lines[kLanes];
    for (int lane = 0; lane < kLanes; ++lane) seen_lines[lane] = static_cast<float>(t.seen[i * kLanes + lane]);
    const Vec seen = load(seen_lines), before = load(t.max + i * kLanes);

    Vec top = before;
    for (int64_t line = 0; line < all_see; ++line) top = max(top, load(at(line)));
    for (int64_t line = all_see; line < t.lines; ++line)
      top = max(top, select_less(set(static_cast<float>(line)), seen, load(at(line)), before));

    const auto probability = [=](int64_t line) {
      const Vec p = exp(sub(load(at(line)), top));
      return line < all_see ? p : select_less(set(static_cast<float>(line)), seen, p, zero());
    };
    Vec total = zero();
    for (int64_t line = 0; line < t.lines; line += A::kPerStep, step += kQueryLanes) {
      const Vec p = probability(line);
      const Vec next = A::kPerStep == 2 && line + 1 < t.lines ? probability(line + 1) : zero();
      A::store_step(step, p, next);
      total = add(total, A::sum_of_step(step));
    }
    const Vec scale = exp(sub(before, top));
    store(alpha + i * kLanes, scale);
    store(t.max + i * kLanes, top);
    store(t.sum + i * kLanes, fma(load(t.sum + i * kLanes), scale, total));
  }
}

/// out[m, c ...] = alpha[m] out[m, c ...] + sum over the lines of p[line][m] value[line, c ...], for M queries from `m`
/// on and `n` channels, which fill a register tile unless kTail.
template <class A, int M, bool kTail>
DURE_INLINE void weigh_tile(const AttentionTile& t, const float* p, const float* alpha, int64_t m, int64_t c,
                            int64_t n) {
  Vec sum[M][A::kVecs];
  float* out = t.out + m * t.channels + c;
  const auto rest = [=](int i) { return kTail ? n - i * kLanes : kLanes; };
  DURE_UNROLL
  for (int r = 0; r < M; ++r) {
    DURE_UNROLL
    for (int i = 0; i < A::kVecs; ++i)
      sum[r][i] = mul(set(alpha[m + r]), Float32::load_some(out + r * t.channels + i * kLanes, rest(i)));
  }
  const uint8_t* line = t.value.data + c * A::kBytes;
  const float* step = p + m;
  const auto take = [&](const uint8_t* next) __attribute__((always_inline)) {
    Vec v[A::kVecs];
    A::template values<kTail>(v, line, next, n);
    DURE_UNROLL
    for (int r = 0; r < M; ++r) {
      const Vec weight = set(step[r]);
      DURE_UNROLL
      for (int i = 0; i < A::kVecs; ++i) sum[r][i] = A::multiply_add(sum[r][i], v[i], weight);
    }
    line += A::kPerStep * t.value.stride;
    step += kQueryLanes;
  };
  for (int64_t steps = t.lines / A::kPerStep; steps > 0; --steps) take(line + t.value.stride);
  if (t.lines % A::kPerStep != 0) take(nullptr);
  DURE_UNROLL
  for (int r = 0; r < M; ++r) {
    DURE_UNROLL
    for (int i = 0; i < A::kVecs; ++i) {
      float* to = out + r * t.channels + i * kLanes;
      if (rest(i) >= kLanes)
        store(to, sum[r][i]);
      else if (rest(i) > 0)
        store(to, sum[r][i], rest(i));
    }
  }
}

template <class A, int M>
DURE_INLINE void weigh(const AttentionTile& t, const float* p, const float* alpha, int64_t& m) {
  constexpr int kChannels = A::kVecs * kLanes;
  for (; m + M <= t.queries_used; m += M) {
    int64_t c = 0;
    for (; c + kChannels <= t.channels; c += kChannels) weigh_tile<A, M, false>(t, p, alpha, m, c, kChannels);
    if (c < t.channels) weigh_tile<A, M, true>(t, p, alpha, m, c, t.channels - c);
  }
}

template <class A>
void attend(const AttentionTile& t) {
  alignas(64) float scores[cpu::kTileLines * kQueryLanes], alpha[kQueryLanes];
  int64_t line = 0;
  for (; line + kScoreLines <= t.lines; line += kScoreLines) score_lines<A, kScoreLines>(t, line, scores);
  for (; line + 4 <= t.lines; line += 4) score_lines<A, 4>(t, line, scores);
  for (; line < t.lines; ++line) score_lines<A, 1>(t, line, scores);
  soften<A>(t, scores, alpha);
  int64_t m = 0;
  weigh<A, kWeighQueries>(t, scores, alpha, m);
  weigh<A, 2>(t, scores, alpha, m);
  weigh<A, 1>(t, scores, alpha, m);
}

template <class A>
void pack(float* to, const float* const* queries, int64_t Dk, float factor) {
  const Vec f = set(factor);
  for (int64_t k = 0; k < Dk; k += A::kPerStep, to += kQueryLanes) {
    float numbers[2][kQueryLanes];
    for (int lane = 0; lane < kQueryLanes; ++lane)
      for (int i = 0; i < A::kPerStep; ++i) numbers[i][lane] = queries[lane][k + i];
    for (int i = 0; i < kQueryLanes; i += kLanes)
      A::store_step(to + i, mul(load(numbers[0] + i), f),
                    A::kPerStep == 2 ? mul(load(numbers[A::kPerStep - 1] + i), f) : zero());
  }
}

template <class A>
constexpr cpu::AttentionKernels kKernelsOf = {A::kBytes, pack<A>, A::convert, attend<A>};

}  // namespace

extern const cpu::AttentionKernels kAttention = kKernelsOf<Float32>;
#ifdef __AVX512BF16__
extern const cpu::AttentionKernels kBf16Attention = kKernelsOf<BFloat16>;
#endif

}  // namespace dure::DURE_ISA_NAMESPACE
