#include "models/adapter.h"

#include <cmath>

#include "backend/registry.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/rng.h"
#include "formats/peft_adapter.h"
#include "formats/safetensors.h"

namespace dure {
namespace {

namespace fs = std::filesystem;

using NamedTensors = std::vector<std::pair<std::string, Tensor>>;

void write_files(const fs::path& folder, const Json& config, NamedTensors tensors) {
  std::error_code error;
  fs::create_directories(folder, error);
  require(!error, "{}: cannot make the folder: {}", folder.string(), error.message());
  write_safetensors(folder / "adapter_model.safetensors", std::move(tensors));
  write_file_atomically(folder / "adapter_config.json",
                        [&](std::ostream& out) { out << dump_json(config, 2) << '\n'; });
}

/// Rows in the order that they have in the file.
Tensor in_file_order(const Parameter& p) {
  if (p.row_order.empty()) return p.tensor;
  Tensor t = Tensor::like(p.tensor);
  for (size_t i = 0; i < p.row_order.size(); ++i)
    std::copy_n(p.tensor.view().row(static_cast<int64_t>(i)), t.dim(1), t.view().row(p.row_order[i]));
  return t;
}

}  // namespace

void write_new_adapter(const fs::path& folder, const Json& config, const ModelShape& shape, uint64_t seed) {
  const PeftConfig peft = parse_peft_config(config, (folder / "adapter_config.json").string());
  const std::unique_ptr<Device> device = make_device({.backend = "reference", .threads = 1});
  constexpr std::string_view kWeight = ".weight";
  Rng rng(seed);
  NamedTensors tensors;
  const auto add = [&](std::string_view name, bool targeted, int64_t out, int64_t in) {
    const std::string module(name.substr(0, name.size() - kWeight.size()));
    if (!targeted || !peft.targets(module)) return;
    const int rank = peft.rank(module);
    const Tensor a = Tensor::empty(*device, DType::F32, {rank, in});
    const double bound = 1 / std::sqrt(static_cast<double>(in));
    for (float& v : a.data()) v = static_cast<float>(bound * (2 * rng.uniform() - 1));
    tensors.emplace_back(fmt::format("{}{}.lora_A.weight", kPeftPrefix, module), a);
    tensors.emplace_back(fmt::format("{}{}.lora_B.weight", kPeftPrefix, module),
                         Tensor::zeros(*device, DType::F32, {out, rank}));
  };
  for (const ParameterShape& p : shape.parameters) {
    if (p.shape.rank() != 2 || !p.name.ends_with(kWeight) || p.part == Part::mtp) continue;
    const bool is_head = p.part == Part::embedding && shape.tied();
    const bool targeted = is_head || (p.part != Part::embedding && !(peft.all_linear && p.part == Part::router));
    add(is_head ? "lm_head.weight" : p.name, targeted, p.shape[0], p.shape[1]);
  }
  require(!tensors.empty(), "{}: field 'target_modules' names no linear layer of the model", peft.source);
  write_files(folder, config, std::move(tensors));
}

void save_adapter(const fs::path& folder, const Json& config, const Parameters& parameters) {
  NamedTensors tensors;
  for (const Parameter& p : parameters)
    if (p.name.starts_with(kPeftPrefix)) tensors.emplace_back(p.name, in_file_order(p));
  require(!tensors.empty(), "{}: the model has no adapter in training", folder.string());
  write_files(folder, config, std::move(tensors));
}

}  // namespace dure
