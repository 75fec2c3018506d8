#pragma once

#include <string_view>

#include "backend/backend.h"

namespace dure {

/// What multiplies: decides which peak of the machine a prompt can reach.
enum class Unit : uint8_t { f32, bf16, int8 };

/// Operations a second of each unit that the backend uses, of all threads together.
struct UnitPeaks {
  double f32 = 0, bf16 = 0, int8 = 0;

  double of(Unit unit) const { return unit == Unit::int8 ? int8 : unit == Unit::bf16 ? bf16 : f32; }
  /// Those that are not known, from float32: a multiply-add instruction of as many bytes has twice or four times the
  /// elements.
  UnitPeaks filled() const { return {f32, bf16 > 0 ? bf16 : 2 * f32, int8 > 0 ? int8 : 4 * f32}; }
};

/// How much of a machine's limits the kernels reach on the one that they were measured on.
struct Efficiency {
  double decode;  ///< share of the read bandwidth, when one row is multiplied; the rest of the time goes into unpacking
  double prefill;  ///< share of the unit's peak, when hundreds are
  Unit unit = Unit::f32;
};

/// For products with weights of a dtype; any backend that there is no measurement of counts as the reference.
Efficiency weight_efficiency(std::string_view backend, Compute compute, DType dtype);
/// For attention over the cache.
Efficiency attention_efficiency(std::string_view backend, Compute compute);

/// Float32 operations that the machine of the measurements could do while it read a byte: elsewhere unpacking takes as
/// much less or more of the time as this is.
double measured_balance(std::string_view backend);

}  // namespace dure
