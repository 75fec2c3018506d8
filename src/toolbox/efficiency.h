#pragma once

#include <string_view>

#include "tensor/dtype.h"

namespace dure {

/// How much of a machine's limits the kernels reach.
struct Efficiency {
  double decode;   ///< share of the read bandwidth, when one row is multiplied
  double prefill;  ///< share of the float32 peak of the unit that the backend uses, when hundreds are
};

/// For products with weights of a dtype; any backend that there is no measurement of counts as the reference.
Efficiency weight_efficiency(std::string_view backend, DType dtype);
/// For attention over the cache.
Efficiency attention_efficiency(std::string_view backend);

}  // namespace dure
