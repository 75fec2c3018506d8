#include "backend/cpu/isa/rows.h"

#include "backend/cpu/isa/exp.h"

namespace dure::DURE_ISA_NAMESPACE {
namespace {

/// f(i, count) for every vector of a row of n values; a count below kLanes is the tail's.
template <class Whole, class Tail>
DURE_INLINE void for_each_vec(int64_t n, Whole whole, Tail tail) {
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) whole(i);
  if (i < n) tail(i, n - i);
}

/// y = f(a) or f(a, b), value by value.
template <class F>
DURE_INLINE void map(float* y, const float* a, int64_t n, F f) {
  for_each_vec(
      n, [=](int64_t i) { store(y + i, f(load(a + i))); },
      [=](int64_t i, int64_t rest) { store(y + i, f(load(a + i, rest)), rest); });
}
template <class F>
DURE_INLINE void map(float* y, const float* a, const float* b, int64_t n, F f) {
  for_each_vec(
      n, [=](int64_t i) { store(y + i, f(load(a + i), load(b + i))); },
      [=](int64_t i, int64_t rest) { store(y + i, f(load(a + i, rest), load(b + i, rest)), rest); });
}

}  // namespace

void round_bf16(float* y, const float* x, int64_t n) {
  map(y, x, n, [](Vec v) { return round_bf16(v); });
}
void add(float* y, const float* a, const float* b, int64_t n) {
  map(y, a, b, n, [](Vec u, Vec v) { return add(u, v); });
}
void scale(float* y, const float* x, float factor, int64_t n) {
  const Vec f = set(factor);
  map(y, x, n, [=](Vec v) { return mul(v, f); });
}
void blend(float* y, float a, const float* x, float b, int64_t n) {
  const Vec va = set(a), vb = set(b);
  map(y, y, x, n, [=](Vec u, Vec v) { return fma(v, vb, mul(u, va)); });
}
void swiglu(float* y, const float* gate, const float* up, float limit, int64_t n) {
  const Vec most = set(limit), least = set(-limit);
  map(y, gate, up, n, [=](Vec gates, Vec ups) {
    const Vec g = min(most, gates), u = max(least, min(most, ups));  // in this order NaN stays
    return mul(div(g, add(set(1), exp(sub(zero(), g)))), u);
  });
}

void swiglu_backward(float* dgate, float* dup, const float* dy, const float* gate, const float* up, int64_t n) {
  for (int64_t i = 0; i < n; i += kLanes) {
    const int64_t rest = n - i < kLanes ? n - i : kLanes;
    const Vec g = load(gate + i, rest), d = load(dy + i, rest), one = set(1);
    const Vec s = div(one, add(one, exp(sub(zero(), g))));
    const Vec slope = mul(s, fma(g, sub(one, s), one));  // silu'(g) = s (1 + g (1 - s)), s = sigmoid(g)
    store(dgate + i, mul(mul(d, load(up + i, rest)), slope), rest);
    store(dup + i, mul(mul(d, g), s), rest);
  }
}

void rms_norm(float* y, const float* x, const float* weight, float eps, int64_t n) {
  Vec sum = zero();
  for_each_vec(
      n, [&](int64_t i) { sum = fma(load(x + i), load(x + i), sum); },
      [&](int64_t i, int64_t rest) { sum = fma(load(x + i, rest), load(x + i, rest), sum); });
  const Vec factor = set(1 / __builtin_sqrtf(reduce_add(sum) / static_cast<float>(n) + eps));
  map(y, x, weight, n, [=](Vec v, Vec w) { return mul(mul(v, factor), w); });
}

void rms_norm_backward(float* dx, float* dweight, const float* dy, const float* x, const float* weight, float eps,
                       int64_t n) {
  Vec squares = zero(), projections = zero();  // of x x and dy w x
  for (int64_t i = 0; i < n; i += kLanes) {
    const int64_t rest = n - i < kLanes ? n - i : kLanes;
    const Vec v = load(x + i, rest);
    squares = fma(v, v, squares);
    projections = fma(mul(load(dy + i, rest), load(weight + i, rest)), v, projections);
  }
  // y = x f w with f = (mean x^2 + eps)^-1/2, so df/dx_i = -f^3 x_i / n
  const float size = static_cast<float>(n), f = 1 / __builtin_sqrtf(reduce_add(squares) / size + eps);
  const Vec factor = set(f), back = set(-f * f * reduce_add(projections) / size);
  for (int64_t i = 0; i < n; i += kLanes) {
    const int64_t rest = n - i < kLanes ? n - i : kLanes;
    const Vec v = load(x + i, rest), d = load(dy + i, rest);
    store(dx + i, mul(factor, fma(back, v, mul(d, load(weight + i, rest)))), rest);
    store(dweight + i, fma(mul(d, v), factor, load(dweight + i, rest)), rest);
  }
}

void rotate_halves(float* y, const float* x, const float* cos, const float* sin, int64_t n) {
  const int64_t half = n / 2;
  const auto turn = [=](Vec a, Vec b, Vec c, Vec s, Vec* first, Vec* second) {
    *first = sub(mul(a, c), mul(b, s));
    *second = add(mul(b, c), mul(a, s));
  };
  Vec first, second;
  for_each_vec(
      half,
      [&](int64_t i) {
        turn(load(x + i), load(x + half + i), load(cos + i), load(sin + i), &first, &second);
        store(y + i, first);
        store(y + half + i, second);
      },
      [&](int64_t i, int64_t rest) {
        turn(load(x + i, rest), load(x + half + i, rest), load(cos + i, rest), load(sin + i, rest), &first, &second);
        store(y + i, first, rest);
        store(y + half + i, second, rest);
      });
}

void rotate_pairs(float* y, const float* x, const float* cos, const float* sin, int64_t n) {
  const auto turn = [](Vec v, Vec c, Vec s) { return add(mul(v, c), mul(swap_pairs(v), s)); };
  for_each_vec(
      n, [=](int64_t i) { store(y + i, turn(load(x + i), load(cos + i), load(sin + i))); },
      [=](int64_t i, int64_t rest) {
        store(y + i, turn(load(x + i, rest), load(cos + i, rest), load(sin + i, rest)), rest);
      });
}

float softmax(float* p, float factor, int64_t n, float* max_of_all) {
  scale(p, p, factor, n);
  const Vec lowest = set(-__builtin_inff());
  Vec top = lowest;
  for_each_vec(
      n, [&](int64_t i) { top = max(top, load(p + i)); },
      [&](int64_t i, int64_t rest) { top = max(top, load_or(lowest, p + i, rest)); });
  const float highest = *max_of_all = reduce_max(top);
  Vec sum = zero();
  map(p, p, n, [=](Vec v) { return exp(sub(v, set(highest))); });
  for_each_vec(
      n, [&](int64_t i) { sum = add(sum, load(p + i)); },
      [&](int64_t i, int64_t rest) { sum = add(sum, load(p + i, rest)); });
  return reduce_add(sum);
}

void softmax_backward(float* dp, const float* p, float factor, int64_t n) {
  Vec sum = zero();
  for_each_vec(
      n, [&](int64_t i) { sum = fma(load(p + i), load(dp + i), sum); },
      [&](int64_t i, int64_t rest) { sum = fma(load(p + i, rest), load(dp + i, rest), sum); });
  const Vec mean = set(reduce_add(sum)), f = set(factor);
  map(dp, dp, p, n, [=](Vec d, Vec v) { return mul(mul(v, sub(d, mean)), f); });
}

}  // namespace dure::DURE_ISA_NAMESPACE
