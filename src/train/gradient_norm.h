#pragma once

#include "models/model.h"

namespace dure {

/// The Euclidean norm of all gradients together, as one vector: the same bits for any number of threads.
double gradient_norm(const Parameters& parameters);

/// Multiplies all gradients.
void scale_gradients(const Parameters& parameters, double factor);

}  // namespace dure
