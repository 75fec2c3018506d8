#include "train/data/token_source.h"

#include <algorithm>

namespace dure {

StepData TokenSource::step(int64_t tokens, int64_t micro_tokens) {
  StepData data;
  data.rows = tokens;
  for (int64_t left = tokens; left > 0; left -= data.batches.back().rows())
    data.batches.push_back(next(std::min(left, micro_tokens)));
  return data;
}

}  // namespace dure
