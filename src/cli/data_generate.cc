#include <fmt/format.h>

#include <chrono>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "cli/data_commands.h"
#include "cli/model_options.h"
#include "train/generate/generator.h"

namespace dure {
namespace {

struct GenerateOptions {
  std::string kind, language = "both", form, file;
  uint64_t seed = 1, count = 0, first = 0;
  bool held_out = false;
};

std::vector<MixPart> read_mix(const GenerateOptions& o) {
  if (!o.kind.ends_with(".json")) return mix_of(o.kind, o.language, o.form);
  return parse_mix(parse_json(read_file(o.kind, size_t{1} << 20), o.kind), o.kind);
}

void generate(const GenerateOptions& o) {
  const Generator generator(read_mix(o), o.held_out ? Split::held_out : Split::train, o.seed);
  const auto begin = std::chrono::steady_clock::now();
  double nats = 0;
  int64_t bytes = 0;
  write_file_atomically(o.file, [&](std::ostream& out) {
    ProgressBar bar("generating");
    constexpr size_t kBlock = size_t{1} << 18;
    std::string lines;
    for (uint64_t i = 0; i < o.count && out; ++i) {
      nats += generator.append(o.first + i, lines);
      if (lines.size() < kBlock && i + 1 < o.count) continue;
      out.write(lines.data(), static_cast<std::streamsize>(lines.size()));
      bytes += static_cast<int64_t>(lines.size());
      lines.clear();
      bar.update(static_cast<int64_t>(i), static_cast<int64_t>(o.count));
    }
    bar.finish();
  });
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  fmt::print("{} items, {}, {:.1f} MB/s; exact entropy {:.2f} nats an item\n", o.count, bytes_text(bytes),
             static_cast<double>(bytes) / 1e6 / seconds, o.count > 0 ? nats / static_cast<double>(o.count) : 0);
}

}  // namespace

/// dure data generate: stories, sums and talk from a seed.
void add_data_generate(CLI::App& parent) {
  auto o = std::make_shared<GenerateOptions>();
  CLI::App* command = parent.add_subcommand("generate", "Make stories, sums and talk to train on, from a seed");
  command->add_option("KIND", o->kind, "stories, arithmetic, countdown, dialogue, or a mix: a JSON file")->required();
  command->add_option("-n,--count", o->count, "Items to make")->required()->check(CLI::Range(1, 1'000'000'000));
  command->add_option("-o,--out", o->file, "The file to write, JSON Lines")->type_name("FILE")->required();
  command->add_option("--seed", o->seed, "The same seed gives the same bytes on any machine")->capture_default_str();
  command->add_option("--first", o->first, "Number of the first item, so that one seed can be made in pieces")
      ->capture_default_str();
  command->add_option("--lang", o->language, "en, ko or both")->capture_default_str();
  command->add_option("--form", o->form, "text, chat (messages, for fine-tuning) or problem (prompt and answer)");
  command->add_flag("--held-out", o->held_out, "Stories of the combinations that training never sees, instead");
  command->callback([o] { generate(*o); });
}

}  // namespace dure
