#include <array>

#include "base/error.h"
#include "models/deepseek.h"
#include "models/deepseek_v4.h"
#include "models/llama.h"

namespace dure {
namespace {

struct Architecture {
  std::string_view model_type;
  std::unique_ptr<Model> (*load)(const Fields& config, Loader& load);
};

constexpr std::array<Architecture, 8> kArchitectures = {{
    {"llama", load_llama},
    {"qwen2", load_llama},
    {"qwen3", load_llama},
    {"qwen3_moe", load_qwen3_moe},
    {"deepseek_v2", load_deepseek},
    {"deepseek_v3", load_deepseek},
    {"deepseek_v32", load_deepseek},
    {"deepseek_v4", load_deepseek_v4},
}};

}  // namespace

std::unique_ptr<Model> load_model(const Checkpoint& checkpoint, Device& device, const LoadOptions& options) {
  const Fields config(checkpoint.config(), checkpoint.source());
  const std::string type = config.string("model_type");
  std::string known;
  for (const Architecture& a : kArchitectures) {
    if (a.model_type == type) {
      Loader load(checkpoint, device, options);
      std::unique_ptr<Model> model = a.load(config, load);
      load.check_adapters();
      return model;
    }
    known += fmt::format("{}{}", known.empty() ? "" : ", ", a.model_type);
  }
  fail("{}: model_type {} is not supported; this program runs {}", checkpoint.source(), quote(type), known);
}

void switch_adapter(const Model& model, int index) {
  for (size_t i = 0; i < model.adapters().size(); ++i) *model.adapters()[i].on = static_cast<int>(i) == index;
}

}  // namespace dure
