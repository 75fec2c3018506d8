// Which kernel multiplies the panels of a format: backend/cpu/panel.h says how each lies.
#include "backend/cpu/isa/panel_float.h"
#include "backend/cpu/isa/panel_int.h"
#include "backend/cpu/isa/panels.h"

namespace dure::DURE_ISA_NAMESPACE {
namespace {

constexpr int kNoOffset = -1;

template <Codes kCodes, Factors kFactors, int kShift>
constexpr cpu::PanelKernels ints() {
  return {int8_bytes, prepare_int8, panel_dot<IntFormat<kCodes, kFactors, kShift>>};
}

template <class E>
constexpr cpu::PanelKernels floats() {
  constexpr auto dot = panel_dot<FloatFormat<E>>;
  if (!E::kPairs) return {float_bytes, prepare_floats, dot};
  if (!kHasPairs) return {float_bytes, prepare_rounded, dot};
  return {bf16_bytes, prepare_bf16, dot};
}

}  // namespace

extern const cpu::PanelKernels kF16Panels = floats<F16Elements>();
extern const cpu::PanelKernels kBF16Panels = floats<BF16Elements>();
extern const cpu::PanelKernels kF8Panels = floats<F8Elements>();
extern const cpu::PanelKernels kQ8_0Panels = ints<Codes::bytes, Factors::plain, 7>();
extern const cpu::PanelKernels kQ4_0Panels = ints<Codes::nibbles, Factors::plain, 3>();
extern const cpu::PanelKernels kQ4_1Panels = ints<Codes::nibbles, Factors::plain_min, kNoOffset>();
extern const cpu::PanelKernels kQ5_0Panels = ints<Codes::nibbles_bit, Factors::plain, 4>();
extern const cpu::PanelKernels kQ5_1Panels = ints<Codes::nibbles_bit, Factors::plain_min, kNoOffset>();
extern const cpu::PanelKernels kIQ4_NLPanels = ints<Codes::points, Factors::plain, 7>();
extern const cpu::PanelKernels kQ2_KPanels = ints<Codes::twos, Factors::scaled_halves_min, kNoOffset>();
extern const cpu::PanelKernels kQ3_KPanels = ints<Codes::twos_bit, Factors::scaled, 2>();
extern const cpu::PanelKernels kQ4_KPanels = ints<Codes::nibbles, Factors::scaled_min, kNoOffset>();
extern const cpu::PanelKernels kQ5_KPanels = ints<Codes::nibbles_bit, Factors::scaled_min, kNoOffset>();
extern const cpu::PanelKernels kQ6_KPanels = ints<Codes::nibbles_two, Factors::scaled, 5>();

}  // namespace dure::DURE_ISA_NAMESPACE
