#pragma once

#include "backend/cpu/isa/simd.h"

namespace dure::DURE_ISA_NAMESPACE {
namespace {

/// exp(x) to about one unit in the last place; it stops at exp(-87.3) and exp(88.3). NaN stays NaN.
DURE_INLINE Vec exp(Vec x) {
  x = min(set(88.3f), max(set(-87.3f), x));
  // exp(x) = 2^n exp(r) with |r| <= ln(2) / 2; ln(2) in two parts, so that r keeps its bits.
  const Vec n = round(mul(x, set(1.44269504f)));
  const Vec r = fma(n, set(2.12194440e-4f), fma(n, set(-0.693359375f), x));
  Vec p = set(1.f / 5040);
  p = fma(p, r, set(1.f / 720));
  p = fma(p, r, set(1.f / 120));
  p = fma(p, r, set(1.f / 24));
  p = fma(p, r, set(1.f / 6));
  p = fma(p, r, set(0.5f));
  p = fma(p, r, set(1.f));
  p = fma(p, r, set(1.f));
  return ldexp(p, n);
}

}  // namespace
}  // namespace dure::DURE_ISA_NAMESPACE
