#pragma once

#include <functional>

#include "backend/backend.h"

namespace dure {

/// What is about to be multiplied by a weight.
struct WeightInput {
  const Weight& weight;
  ConstView x;                      ///< [rows, in]; of a weight by heads [T, H, in]
  const HeadRows* heads = nullptr;  ///< null: the whole weight
  Direction direction = Direction::forward;
};
using InputObserver = std::function<void(const WeightInput&)>;

/// A backend that computes what `inner` does and shows what goes into the weights of linear maps and experts, on the
/// calling thread, before it goes there. Inputs of experts are gathered and, for `down`, computed a second time. Who
/// does not observe has the inner backend itself, so that looking costs nothing unless somebody does.
std::shared_ptr<Backend> observe_inputs(std::shared_ptr<Backend> inner, InputObserver observer);

}  // namespace dure
