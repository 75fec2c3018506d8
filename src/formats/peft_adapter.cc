#include "formats/peft_adapter.h"

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "formats/safetensors.h"

namespace dure {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxConfig = size_t{16} << 20;
constexpr std::string_view kA = ".lora_A.weight", kB = ".lora_B.weight";

}  // namespace

PeftAdapter PeftAdapter::open(const fs::path& folder, Device& device) {
  const fs::path config = folder / "adapter_config.json", weights = folder / "adapter_model.safetensors";
  std::error_code ignored;
  require(fs::is_directory(folder, ignored), "{}: expected the folder of a PEFT adapter", folder.string());
  const Json json = parse_json(read_file(config, kMaxConfig), config.string());
  require(fs::exists(weights, ignored) || !fs::exists(folder / "adapter_model.bin", ignored),
          "{}: adapter_model.bin is a pickle, which is not read; save the adapter as safetensors", folder.string());
  std::shared_ptr<const MappedFile> file = MappedFile::open(weights);
  const std::span<const std::byte> bytes = file->bytes();
  return parse(json, config.string(), bytes, weights.string(), std::move(file), device);
}

PeftAdapter PeftAdapter::parse(const Json& json, std::string config, std::span<const std::byte> bytes,
                               std::string weights, std::shared_ptr<const void> owner, Device& device) {
  PeftAdapter adapter;
  adapter.config_ = parse_peft_config(json, config);
  adapter.source_ = std::move(weights);
  const std::string& source = adapter.source_;
  const Safetensors file = Safetensors::parse(bytes, source, std::move(owner));

  for (const auto& [name, entry] : file.entries()) {
    const bool is_a = name.ends_with(kA);
    require(
        name.starts_with(kPeftPrefix) && (is_a || name.ends_with(kB)) && name.size() > kPeftPrefix.size() + kA.size(),
        "{}: tensor {}: expected {}MODULE{} or {}; trained embeddings, biases and magnitudes are not supported", source,
        quote(name, 100), kPeftPrefix, kA, kB);
    const std::string module = name.substr(kPeftPrefix.size(), name.size() - kPeftPrefix.size() - kA.size());
    require(entry.dtype == "F32" || entry.dtype == "F16" || entry.dtype == "BF16",
            "{}: tensor {}: dtype {}, expected F32, F16 or BF16", source, quote(name, 100), entry.dtype);
    require(entry.shape.size() == 2 && entry.shape[0] > 0 && entry.shape[1] > 0,
            "{}: tensor {}: {} dimensions, expected a matrix", source, quote(name, 100), entry.shape.size());
    require(adapter.config_.targets(module), "{}: tensor {}: {} does not target its module", source, quote(name, 100),
            config);
    const int rank = adapter.config_.rank(module);
    require(entry.shape[is_a ? 0 : 1] == rank, "{}: tensor {}: shape [{}, {}], expected rank {} as {} has it", source,
            quote(name, 100), entry.shape[0], entry.shape[1], rank, config);
    Pair& pair = adapter.modules_[module];
    (is_a ? pair.a : pair.b) = file.load(name, device);
  }
  require(!adapter.modules_.empty(), "{}: the adapter has no tensors", source);
  for (const auto& [module, pair] : adapter.modules_)
    require(pair.a.defined() && pair.b.defined(), "{}: module {} has only one of its two tensors, {} is missing",
            source, quote(module, 100), pair.a.defined() ? kB : kA);
  return adapter;
}

}  // namespace dure
