#pragma once

#include "backend/backend.h"

namespace dure {

/// y += scale * (x A^T) B^T for each of the adapters, by the backend's own products. y [T, N], x [T, K].
void add_loras(Backend& backend, View y, ConstView x, std::span<const Lora> loras);

/// Its gradient: dx and, where `gradients` has views (empty: none is wanted), dA and dB are added to. dy [T, N].
void add_loras_backward(Backend& backend, View dx, std::span<const Backend::LoraGradient> gradients, ConstView dy,
                        ConstView x, std::span<const Lora> loras);

}  // namespace dure
