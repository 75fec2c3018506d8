// Which kernel multiplies the panels of a format: backend/cpu/panel.h says how each lies.
#include "backend/cpu/isa/panel_float.h"
#include "backend/cpu/isa/panel_int.h"
#include "backend/cpu/isa/panels.h"

namespace dure::DURE_ISA_NAMESPACE {
namespace {

template <class F>
constexpr cpu::PanelKernels ints() {
  return {int8_bytes, prepare_int8, panel_dot<F>};
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
extern const cpu::PanelKernels kQ8_0Panels = ints<Q8_0Ints>();
extern const cpu::PanelKernels kQ4_0Panels = ints<Q4_0Ints>();
extern const cpu::PanelKernels kQ4_1Panels = ints<Q4_1Ints>();
extern const cpu::PanelKernels kQ5_0Panels = ints<Q5_0Ints>();
extern const cpu::PanelKernels kQ5_1Panels = ints<Q5_1Ints>();
extern const cpu::PanelKernels kIQ4_NLPanels = ints<IQ4_NLInts>();
extern const cpu::PanelKernels kMXFP4Panels = ints<MXFP4Ints>();
extern const cpu::PanelKernels kQ2_KPanels = ints<Q2_KInts>();
extern const cpu::PanelKernels kQ3_KPanels = ints<Q3_KInts>();
extern const cpu::PanelKernels kQ4_KPanels = ints<Q4_KInts>();
extern const cpu::PanelKernels kQ5_KPanels = ints<Q5_KInts>();
extern const cpu::PanelKernels kQ6_KPanels = ints<Q6_KInts>();

}  // namespace dure::DURE_ISA_NAMESPACE
