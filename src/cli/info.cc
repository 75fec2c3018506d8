#include <fmt/format.h>

#include <map>

#include "base/error.h"
#include "base/json.h"
#include "base/system.h"
#include "cli/app.h"
#include "cli/hub_environment.h"
#include "cli/model_options.h"
#include "nn/kv_cache.h"

namespace dure {
namespace {

Json describe(const std::string& path, const Checkpoint& checkpoint, const Model& model) {
  std::map<std::string, int64_t> by_dtype;
  int64_t bytes = 0;
  for (const TensorInfo& t : checkpoint.tensors()) {
    by_dtype[t.dtype] += t.bytes;
    bytes += t.bytes;
  }
  const ModelInfo& m = model.info();
  const int64_t kv = cache_bytes_per_token(model.cache_planes(), DType::BF16);
  const MemoryStatus memory = memory_status();
  const int64_t left = std::max<int64_t>(0, memory.available - bytes);
  Json dtypes = Json::object();
  for (const auto& [name, n] : by_dtype) dtypes[name] = n;
  return {{"model", path},
          {"architecture", m.model_type},
          {"layers", m.num_hidden_layers},
          {"hidden_size", m.hidden_size},
          {"vocab_size", m.vocab_size},
          {"parameters", m.parameters},
          {"active_parameters", m.active_parameters},
          {"bytes", bytes},
          {"bytes_by_dtype", dtypes},
          {"kv_bytes_per_token", kv},
          {"context", m.max_position_embeddings},
          {"mtp", model.can_draft()},
          {"memory_total", memory.total},
          {"memory_available", memory.available},
          {"fits", bytes < memory.available},
          {"context_that_fits", std::min<int64_t>(m.max_position_embeddings, left / std::max<int64_t>(kv, 1))}};
}

void print(const Json& d) {
  const auto number = [&](const char* key) { return d[key].get<int64_t>(); };
  fmt::print("model          {}\n", d["model"].get<std::string>());
  fmt::print("architecture   {}, {} layers, width {}, vocabulary {}{}\n", d["architecture"].get<std::string>(),
             number("layers"), number("hidden_size"), number("vocab_size"),
             d["mtp"].get<bool>() ? ", multi-token prediction" : "");
  fmt::print("parameters     {}, {} of them active for a token\n", count_text(number("parameters")),
             count_text(number("active_parameters")));
  fmt::print("weights        {}\n", bytes_text(number("bytes")));
  for (const auto& [name, n] : d["bytes_by_dtype"].items())
    fmt::print("  {:12} {}\n", name, bytes_text(n.get<int64_t>()));
  fmt::print("KV cache       {} per token (bf16)\n", bytes_text(number("kv_bytes_per_token")));
  fmt::print("context        {} tokens\n", number("context"));
  fmt::print("memory         {} of {} free: ", bytes_text(number("memory_available")),
             bytes_text(number("memory_total")));
  if (d["fits"].get<bool>()) {
    fmt::print("the model fits, with up to {} tokens of context\n", number("context_that_fits"));
  } else {
    fmt::print("the model does not fit\n");
  }
}

}  // namespace

/// dure info MODEL: what it is and whether it fits here.
void add_info(CLI::App& app) {
  struct Options {
    std::string model;
    bool json = false;
  };
  auto o = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("info", "Show what a model is, how large, and whether it fits this machine");
  command->add_option("MODEL", o->model, "A folder or GGUF file, or OWNER/NAME of a pulled model")->required();
  command->add_flag("--json", o->json, "As one JSON object");
  command->callback([o] {
    const std::unique_ptr<Device> device = make_device();
    const std::unique_ptr<Checkpoint> checkpoint = open_checkpoint(model_path(o->model), *device);
    const std::unique_ptr<Model> model = load_model(*checkpoint, *device);
    const Json description = describe(o->model, *checkpoint, *model);
    if (o->json) {
      fmt::print("{}\n", dump_json(description, 2));
    } else {
      print(description);
    }
  });
}

}  // namespace dure
