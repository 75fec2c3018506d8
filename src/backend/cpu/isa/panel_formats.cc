// Which kernel multiplies the panels of a format: backend/cpu/panel.h says how each lies.
#include "backend/cpu/isa/panel.h"
#include "backend/cpu/isa/panels.h"

namespace dure::DURE_ISA_NAMESPACE {

cpu::PanelDot panel_kernel(int format) {
  constexpr int kNoOffset = -1;
  switch (format) {
    case cpu::kQ8_0: return panel_dot<Codes::bytes, Factors::plain, 7>;
    case cpu::kQ4_0: return panel_dot<Codes::nibbles, Factors::plain, 3>;
    case cpu::kQ4_1: return panel_dot<Codes::nibbles, Factors::plain_min, kNoOffset>;
    case cpu::kQ5_0: return panel_dot<Codes::nibbles_bit, Factors::plain, 4>;
    case cpu::kQ5_1: return panel_dot<Codes::nibbles_bit, Factors::plain_min, kNoOffset>;
    case cpu::kQ4_K: return panel_dot<Codes::nibbles, Factors::scaled_min, kNoOffset>;
    case cpu::kQ5_K: return panel_dot<Codes::nibbles_bit, Factors::scaled_min, kNoOffset>;
    case cpu::kQ6_K: return panel_dot<Codes::nibbles_two, Factors::scaled, 5>;
    default: return nullptr;
  }
}

}  // namespace dure::DURE_ISA_NAMESPACE
