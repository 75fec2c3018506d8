#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "base/error.h"
#include "base/file.h"
#include "cli/app.h"
#include "cli/model_options.h"
#include "formats/model_tokenizer.h"
#include "text/tokenizer.h"
#include "toolbox/importance.h"

namespace dure {
namespace {

/// Experts that no token went to.
int64_t unseen_experts(const Imatrix& imatrix) {
  int64_t unseen = 0;
  for (const auto& [name, entry] : imatrix.entries)
    if (name.find("ffn_down_exps") != name.npos) unseen += std::count(entry.counts.begin(), entry.counts.end(), 0.f);
  return unseen;
}

}  // namespace

/// dure imatrix MODEL TEXT: which inputs of each weight are large, for a better dure quantize.
void add_imatrix(CLI::App& app) {
  struct Options {
    ModelOptions model;
    ImportanceOptions importance;
    std::string text, output = "imatrix.gguf";
  };
  auto o = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("imatrix", "Measure which weights matter on a text, for dure quantize");
  o->model.add_to(*command);
  command->add_option("TEXT", o->text, "A text file in UTF-8, like what the model is meant for")->required();
  command->add_option("-c,--context", o->importance.context, "Tokens that the model sees at once; by default 512")
      ->check(kAtLeastOne);
  command->add_option("--chunks", o->importance.chunks, "Use this many chunks from the start of the text")
      ->check(kAtLeastOne);
  command->add_option("-o,--output", o->output, "The importance matrix, in GGUF; by default imatrix.gguf")
      ->type_name("FILE");
  command->callback([o] {
    InputSquares inputs;
    DeviceOptions options = o->model.device();
    options.observer = inputs.observer();
    const std::unique_ptr<Device> device = make_device(options);
    const std::unique_ptr<Checkpoint> checkpoint = open_checkpoint(o->model.path(), *device);
    const std::unique_ptr<Model> model = load_model(*checkpoint, *device, o->model.load());
    const int most = model->info().max_position_embeddings;
    require(o->importance.context <= most, "--context {}: {} was made for {} tokens", o->importance.context,
            o->model.model, most);

    const Tokenizer tokenizer(read_model_tokenizer(o->model.path()));
    std::vector<int> ids = tokenizer.encode(read_file(o->text), {.parse_special = false});
    const std::vector<int>& prefix = tokenizer.spec().prefix;
    if (!prefix.empty()) {
      o->importance.bos = prefix.front();
      ids.insert(ids.begin(), prefix.begin(), prefix.end());
    }
    ProgressBar bar("measuring");
    Imatrix imatrix = measure_importance(*model, inputs, ids, o->importance,
                                         [&](int64_t done, int64_t total) { bar.update(done, total); });
    bar.finish();
    imatrix.datasets = {std::filesystem::path(o->text).filename().string()};
    write_imatrix(o->output, imatrix, *device);
    fmt::print("{}: {} weights, {} chunks of {} tokens\n", o->output, imatrix.entries.size(), imatrix.chunks,
               imatrix.chunk_size);
    if (const int64_t unseen = unseen_experts(imatrix))
      fmt::print("{} experts met no token; all their columns count the same. More text would help.\n", unseen);
  });
}

}  // namespace dure
