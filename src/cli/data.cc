#include <fmt/format.h>

#include <filesystem>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/sha256.h"
#include "base/threads.h"
#include "chat/loaded_model.h"
#include "cli/app.h"
#include "cli/bad_lines.h"
#include "cli/data_commands.h"
#include "cli/hub_environment.h"
#include "cli/model_options.h"
#include "formats/model_tokenizer.h"
#include "formats/tokenizer_json_writer.h"
#include "train/data/shard_builder.h"

namespace dure {
namespace {

namespace fs = std::filesystem;

struct DataBuildOptions {
  std::vector<std::string> files;
  std::string tokenizer, folder;
  ShardBuilderOptions shards;
  int threads = 0;
};

Json to_json(const ShardBuilderReport::Split& split) {
  return {{"documents", split.documents}, {"tokens", split.tokens}, {"bytes", split.bytes}};
}

void report_split(const char* name, const ShardBuilderReport::Split& split) {
  fmt::print("{:9} {:>10} documents {:>12} tokens {:>10}", name, split.documents, split.tokens,
             bytes_text(split.bytes));
  if (split.tokens > 0) fmt::print("  {:.2f} bytes a token", double(split.bytes) / double(split.tokens));
  fmt::print("\n");
}

/// Puts a model's tokenizer into a folder as Hugging Face lays it out: the files themselves, or what a GGUF file says.
void write_tokenizer(const fs::path& model, const TokenizerSpec& spec, const fs::path& folder) {
  if (fs::is_directory(model)) {
    for (const char* name : {"tokenizer.json", "tokenizer_config.json", "chat_template.jinja"})
      if (fs::exists(model / name)) fs::copy_file(model / name, folder / name);
    return;
  }
  write_file_atomically(folder / "tokenizer.json", [&](std::ostream& out) { out << to_tokenizer_json(spec); });
  write_file_atomically(folder / "tokenizer_config.json", [&](std::ostream& out) { out << to_tokenizer_config(spec); });
}

/// The folder gets the tokenizer too, so that a model that is trained on it can have it.
void build_data(DataBuildOptions o) {
  const fs::path model = model_path(o.tokenizer);
  const Tokenizer tokenizer(read_model_tokenizer(model));
  std::unique_ptr<PromptRenderer> renderer;
  if (!tokenizer.spec().chat_templates.empty()) renderer = make_renderer(tokenizer.spec(), "");

  o.shards.folder = o.folder;
  o.shards.files.assign(o.files.begin(), o.files.end());
  require(!fs::exists(o.shards.folder) || fs::is_empty(o.shards.folder), "{}: expected an empty folder, or none",
          o.folder);
  fs::create_directories(o.shards.folder);
  write_tokenizer(model, tokenizer.spec(), o.shards.folder);
  Sha256 hash;
  hash.update(read_file(o.shards.folder / "tokenizer.json"));

  int64_t total = 0;
  for (const fs::path& file : o.shards.files)
    total += fs::is_regular_file(file) ? static_cast<int64_t>(fs::file_size(file)) : 0;
  ProgressBar bar("tokenizing");
  o.shards.progress = [&](int64_t bytes) { bar.update(std::min(bytes, total), total); };
  ThreadPool pool(o.threads);
  const ShardBuilderReport report = build_shards(o.shards, tokenizer, hash.digest(), renderer.get(), pool);
  bar.finish();
  report_bad_lines(report.bad);
  const Json summary = {{"train", to_json(report.train)},
                        {"held_out", to_json(report.held_out)},
                        {"duplicates", report.duplicates},
                        {"left_out", report.bad.count},
                        {"files", o.files}};
  write_file_atomically(o.shards.folder / "data.json",
                        [&](std::ostream& out) { out << dump_json(summary, 2) << '\n'; });
  report_split("train", report.train);
  report_split("held out", report.held_out);
  if (report.duplicates > 0) fmt::print("{} duplicates were left out\n", report.duplicates);
}

void add_data_build(CLI::App& parent) {
  auto o = std::make_shared<DataBuildOptions>();
  CLI::App* command = parent.add_subcommand("build", "Turn text into shards of tokens, for training");
  command->add_option("FILES", o->files, "Text or JSON Lines (*.jsonl), each also as .zst or .xz")->required();
  command->add_option("--tokenizer", o->tokenizer, "A model, or a folder with a tokenizer.json")
      ->type_name("MODEL")
      ->required();
  command->add_option("-o,--out", o->folder, "Folder for the shards; must not exist, or be empty")
      ->type_name("DIR")
      ->required();
  command->add_option("--field", o->shards.documents.field,
                      "Field of JSON Lines that holds the text; by default text. Records without it may have messages");
  command->add_option("--separator", o->shards.documents.separator,
                      "A line that ends a document of a text file; by default a file is one document");
  command->add_option("--held-out", o->shards.held_out, "Share of the documents to hold out; by default none")
      ->check(CLI::Range(0.0, 1.0));
  command->add_flag("--answers-only", o->shards.answers_only, "Of messages, learn the assistant's alone");
  command->add_option("--shard-tokens", o->shards.shard_tokens, "Tokens of a shard; by default 67108864")
      ->check(kAtLeastOne);
  command->add_option("--seed", o->shards.seed, "Of the order of documents within a shard; by default 0");
  command->add_option("-t,--threads", o->threads, "Threads; 0 takes every CPU")->check(CLI::Range(0, 1024));
  command->callback([o] { build_data(*o); });
}

}  // namespace

/// dure data: what models are trained on.
void add_data(CLI::App& app) {
  CLI::App* parent = app.add_subcommand("data", "Make data for training");
  parent->require_subcommand(1);
  add_data_generate(*parent);
  add_data_fetch(*parent);
  add_data_build(*parent);
}

}  // namespace dure
