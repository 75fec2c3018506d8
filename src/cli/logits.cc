#include <fmt/format.h>

#include <algorithm>

#include "cli/app.h"
#include "cli/model_options.h"
#include "cli/token_lists.h"
#include "toolbox/sequence_run.h"

namespace dure {
namespace {

std::vector<float> last_logits(Model& model, Device& device, const std::vector<int>& ids, int chunk, DType cache) {
  SequenceRun run(model, device, 1, static_cast<int>(ids.size()), cache);
  Tensor hidden;
  for (size_t at = 0; at < ids.size();) {
    const size_t n = chunk > 0 ? std::min<size_t>(chunk, ids.size() - at) : ids.size() - at;
    hidden = run.feed({{ids.begin() + static_cast<long>(at), ids.begin() + static_cast<long>(at + n)}});  // [n, D]
    at += n;
  }
  return model.logits(hidden.rows(hidden.dim(0) - 1, 1)).to_floats();  // [V]
}

}  // namespace

/// dure logits MODEL --ids-file F: raw logits, to compare with any other engine.
void add_logits(CLI::App& app) {
  struct Options {
    ModelOptions model;
    std::string ids_file, cache = "f32";
    int chunk = 0;
    bool json = false;
  };
  auto o = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("logits", "Print the last position's logits for lists of token ids");
  o->model.add_to(*command);
  command->add_option("--ids-file", o->ids_file, "JSON: an array of arrays of token ids")
      ->required()
      ->type_name("FILE");
  command->add_option("--chunk", o->chunk, "Feed the prompt in chunks of this many tokens")->check(kAtLeastOne);
  add_cache_option(*command, o->cache);
  command->add_flag("--json", o->json, "A JSON array of arrays instead of the ten likeliest tokens");
  command->callback([o] {
    const std::vector<std::vector<int>> lists = read_token_lists(o->ids_file);
    const std::unique_ptr<Device> device = make_device(o->model.device());
    const std::unique_ptr<Checkpoint> checkpoint = open_checkpoint(o->model.path(), *device);
    const std::unique_ptr<Model> model = load_model(*checkpoint, *device, o->model.load());
    const DType cache = o->cache == "f32" ? DType::F32 : o->cache == "f16" ? DType::F16 : DType::BF16;

    std::string separator = "[";
    for (const std::vector<int>& ids : lists) {
      const std::vector<float> logits = last_logits(*model, *device, ids, o->chunk, cache);
      if (o->json) {
        // Nine digits name a float32 exactly.
        fmt::print("{}[{:.9g}]", separator, fmt::join(logits, ","));
        separator = ",\n";
        continue;
      }
      std::vector<int> order(logits.size());
      for (size_t i = 0; i < order.size(); ++i) order[i] = static_cast<int>(i);
      const size_t top = std::min<size_t>(10, order.size());
      std::partial_sort(order.begin(), order.begin() + static_cast<long>(top), order.end(),
                        [&](int a, int b) { return logits[a] > logits[b]; });
      for (size_t i = 0; i < top; ++i) fmt::print("{}{}: {:.6f}", i ? "  " : "", order[i], logits[order[i]]);
      fmt::print("\n");
    }
    if (o->json) fmt::print("{}]\n", lists.empty() ? "[" : "");
  });
}

}  // namespace dure
