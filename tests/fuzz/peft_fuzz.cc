// Whatever the bytes are, they are an adapter whose every matrix can be read and has the rank that its configuration
// states, or an Error. The input: adapter_config.json up to the first zero byte, then adapter_model.safetensors.

#include <algorithm>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "formats/peft_adapter.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static dure::Device device(std::make_shared<dure::ThreadPool>(1), nullptr);
  const uint8_t* end = std::find(data, data + size, 0);
  const std::string_view config(reinterpret_cast<const char*>(data), static_cast<size_t>(end - data));
  const auto weights = std::as_bytes(std::span(end == data + size ? end : end + 1, data + size));
  try {
    const dure::Json json = dure::parse_json(config, "config");
    const dure::PeftConfig alone = dure::parse_peft_config(json, "config");
    (void)alone.targets("model.layers.0.self_attn.q_proj");
    (void)alone.scaling("model.layers.10.mlp.experts.3.gate_proj");
    const auto adapter = dure::PeftAdapter::parse(json, "config", weights, "weights", nullptr, device);
    for (const auto& [module, pair] : adapter.modules()) {
      if (pair.a.dim(0) != pair.b.dim(1) || pair.a.dim(0) != adapter.config().rank(module)) __builtin_trap();
      pair.a.to_floats();
      pair.b.to_floats();
    }
  } catch (const dure::Error&) {}
  return 0;
}
