#pragma once

#include "base/error.h"
#include "text/jinja/evaluator.h"

namespace dure::jinja {

/// Counts one level of evaluation for as long as it lives.
class Evaluator::Nested {
 public:
  explicit Nested(int& level) : level_(level) {
    require(level_ < kMaxCalls, "the template nests calls deeper than {}", kMaxCalls);
    ++level_;
  }
  ~Nested() { --level_; }

 private:
  int& level_;
};

/// A variable that has another value until the end of the block.
template <class T>
class Swapped {
 public:
  Swapped(T& variable, T value) : variable_(variable), kept_(std::exchange(variable, std::move(value))) {}
  ~Swapped() { variable_ = std::move(kept_); }
  Swapped(const Swapped&) = delete;

 private:
  T& variable_;
  T kept_;
};

}  // namespace dure::jinja
