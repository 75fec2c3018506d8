#include "nn/batch.h"

#include <numeric>

namespace dure {

Batch single_sequence(std::vector<int> tokens) {
  Batch b;
  b.tokens = std::move(tokens);
  b.positions.resize(b.tokens.size());
  std::iota(b.positions.begin(), b.positions.end(), 0);
  b.starts = {0, b.rows()};
  return b;
}

}  // namespace dure
