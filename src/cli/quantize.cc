#include <fmt/format.h>

#include "backend/registry.h"
#include "base/error.h"
#include "cli/app.h"
#include "cli/hub_environment.h"
#include "cli/model_options.h"
#include "cli/terminal.h"
#include "toolbox/quantize.h"

namespace dure {
namespace {

struct Options {
  std::string source, file, type = "q4_k_m", imatrix, output_type, embedding_type;
  std::vector<std::string> tensor_types;
  int threads = 0;
  bool dry_run = false;
  GgufSourceOptions model;

  QuantizeOptions quantize() const {
    QuantizeOptions o;
    o.mix.type = find_quant_type(type);
    for (const std::string& rule : tensor_types) o.mix.rules.push_back(parse_tensor_type_rule(rule));
    if (!output_type.empty()) o.mix.output = parse_weight_type(output_type);
    if (!embedding_type.empty()) o.mix.embedding = parse_weight_type(embedding_type);
    if (!imatrix.empty()) o.imatrix = imatrix;
    o.source = model;
    return o;
  }
};

void print_plan(const Quantizer& quantizer) {
  for (const Quantizer::Entry& entry : quantizer.tensors())
    fmt::print("{:<40} {:>22}  {:>7} -> {:<7} {:>12}\n", entry.name, fmt::format("{}", entry.shape), name(entry.from),
               name(entry.to), bytes_text(entry.bytes));
}

std::string summary(const Quantizer& quantizer) {
  return fmt::format("{} -> {}, {:.2f} bits per weight", bytes_text(quantizer.source_bytes()),
                     bytes_text(quantizer.bytes()), quantizer.bits_per_weight());
}

void quantize(const Options& o) {
  DeviceOptions device_options;
  device_options.threads = o.threads;
  const std::unique_ptr<Device> device = make_device(device_options);
  const Quantizer quantizer(model_path(o.source), o.quantize(), *device);
  for (const std::string& note : quantizer.notes()) fmt::print(stderr, "note: {}\n", note);
  if (o.dry_run) {
    print_plan(quantizer);
    fmt::print("{}\n", summary(quantizer));
    return;
  }
  require(!o.file.empty(), "quantize: expected the name of the file to write");
  const InterruptGuard guard;
  ProgressBar bar("quantising");
  const bool finished = quantizer.write(o.file, [&](int64_t done, int64_t total) {
    bar.update(done, total);
    return !guard.interrupted();
  });
  bar.finish();
  if (!finished) {
    fmt::print(stderr, "stopped; the same command goes on with {}.partial\n", o.file);
    throw ExitCode{130};
  }
  fmt::print("{}: written, {}\n", o.file, summary(quantizer));
}

}  // namespace

/// dure quantize MODEL FILE.gguf --type TYPE: a smaller copy of a model.
void add_quantize(CLI::App& app) {
  std::vector<std::string_view> types;
  for (const QuantType& type : quant_types()) types.push_back(type.name);
  auto o = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("quantize", "Write a model as a GGUF file with smaller weights");
  command->add_option("MODEL", o->source, "A folder or GGUF file, or OWNER/NAME of a pulled model")->required();
  command->add_option("FILE.gguf", o->file, "Where to write");
  command->add_option("--type", o->type, fmt::format("One of: {}", fmt::join(types, ", ")))
      ->type_name("TYPE")
      ->capture_default_str();
  command->add_option("--imatrix", o->imatrix, "An importance matrix: which columns deserve small errors")
      ->type_name("FILE");
  command
      ->add_option("--tensor-type", o->tensor_types,
                   "PATTERN=TYPE: tensors whose name matches get that type (repeatable; the first counts)")
      ->type_name("RULE")
      ->allow_extra_args(false);
  command->add_option("--output-type,--output-tensor-type", o->output_type, "Type of output.weight")->type_name("TYPE");
  command->add_option("--embedding-type,--token-embedding-type", o->embedding_type, "Type of token_embd.weight")
      ->type_name("TYPE");
  command->add_flag("!--no-mtp", o->model.mtp, "Leave out the layers that draft tokens (multi-token prediction)");
  command->add_option("--pre", o->model.pre, "tokenizer.ggml.pre, for a tokenizer that is not recognised")
      ->type_name("NAME");
  command->add_option("-t,--threads", o->threads, "Threads; 0 takes every CPU")->check(CLI::Range(0, 1024));
  command->add_flag("--dry-run", o->dry_run, "Only list the types and the size of the file");
  command->callback([o] { quantize(*o); });
}

}  // namespace dure
