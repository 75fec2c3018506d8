#include <fmt/format.h>

#include <optional>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "cli/app.h"
#include "cli/eval_commands.h"
#include "cli/hub_environment.h"
#include "cli/model_options.h"
#include "cli/token_lists.h"
#include "formats/model_tokenizer.h"
#include "text/tokenizer.h"
#include "toolbox/evaluate.h"

namespace dure {
namespace {

/// What is scored: options of every kind of evaluation.
struct TextOptions {
  std::string text;
  WindowOptions windows{.context = 0};
  bool ids = false, json = false;

  void add_to(CLI::App& command) {
    command.add_option("TEXT", text, "A text file in UTF-8")->required();
    command
        .add_option("-c,--context", windows.context,
                    "Tokens that the model sees at once; by default 512, or what it was made for")
        ->check(kAtLeastTwo);
    command
        .add_option("--stride", windows.stride, "Tokens from one window to the next; by default half of the context")
        ->check(kAtLeastOne);
    command.add_option("--tokens", windows.max_tokens, "Score this many tokens from the start of the text")
        ->check(kAtLeastOne);
    command.add_flag("--ids", ids, "TEXT is a JSON array of arrays of token ids, which are put one after the other");
    command.add_flag("--json", json, "As one JSON object");
  }

 private:
  static inline const CLI::Range kAtLeastTwo{2, std::numeric_limits<int>::max()};
};

/// A text cut into windows.
struct Material {
  std::vector<Window> windows;
  int64_t bytes = 0;  ///< of the tokens that count; 0 if only ids are known
};

Material read_material(TextOptions& options, const std::string& name, const Model& model) {
  const int most = model.info().max_position_embeddings;
  WindowOptions& cut = options.windows;
  if (cut.context == 0) cut.context = std::min(512, most);
  require(cut.context <= most, "--context {}: {} was made for {} tokens", cut.context, name, most);
  if (options.ids) {
    std::vector<int> ids;
    for (const std::vector<int>& list : read_token_lists(options.text)) ids.insert(ids.end(), list.begin(), list.end());
    return {cut_windows(ids, cut), 0};
  }
  const Tokenizer tokenizer(read_model_tokenizer(model_path(name)));
  const std::vector<int> ids = tokenizer.encode(read_file(options.text), {.parse_special = false});
  const std::vector<int>& prefix = tokenizer.spec().prefix;
  if (!prefix.empty()) cut.bos = prefix.front();
  Material material{cut_windows(ids, cut), 0};
  for (const Window& w : material.windows)
    for (int row = w.first; row < w.first + w.rows(); ++row)
      material.bytes += static_cast<int64_t>(tokenizer.token_bytes(w.target(row)).size());
  return material;
}

/// A model with what it stands on.
struct OpenModel {
  std::unique_ptr<Device> device;
  std::unique_ptr<Checkpoint> checkpoint;
  std::unique_ptr<Model> model;

  explicit OpenModel(const ModelOptions& options)
      : device(make_device(options.device())),
        checkpoint(open_checkpoint(options.path(), *device)),
        model(load_model(*checkpoint, *device, options.load())) {}
};

Json to_json(const Perplexity& p, int64_t bytes) {
  Json json = {
      {"tokens", p.tokens}, {"perplexity", {{"mean", p.value()}, {"error", p.error()}}}, {"nll", to_json(p.nll)}};
  if (bytes > 0) json["bits_per_byte"] = to_json(p.bits_per_byte(bytes));
  return json;
}

Json to_json(const Agreement& a) {
  return {{"tokens", a.tokens},
          {"kl", to_json(a.kl)},
          {"kl_median", a.kl_median},
          {"kl_90", a.kl_90},
          {"kl_99", a.kl_99},
          {"kl_worst", a.kl_worst},
          {"same_top", to_json(a.same_top)},
          {"nll_difference", to_json(a.nll_difference)},
          {"logit_worst", a.logit_worst},
          {"probability_rms", a.probability_rms},
          {"base", to_json(a.base, 0)},
          {"other", to_json(a.other, 0)}};
}

void print(const char* label, const Estimate& e, const char* unit = "") {
  fmt::print("{:18}{:.5g} ± {:.2g}{}\n", label, e.mean, e.error, unit);
}

void print(const Perplexity& p, int64_t bytes) {
  print("perplexity", {p.value(), p.error()});
  print("loss", p.nll, " nats per token");
  if (bytes > 0) print("", p.bits_per_byte(bytes), " bits per byte");
}

void print(const Agreement& a) {
  fmt::print("{:18}{:.3f} ± {:.3f} %\n", "same top token", 100 * a.same_top.mean, 100 * a.same_top.error);
  print("KL divergence", a.kl, " nats per token");
  fmt::print("{:18}median {:.3g}, 90 % {:.3g}, 99 % {:.3g}, worst {:.3g}\n", "", a.kl_median, a.kl_90, a.kl_99,
             a.kl_worst);
  fmt::print("{:18}{:.5g} against {:.5g}\n", "perplexity", a.other.value(), a.base.value());
  print("loss difference", a.nll_difference, " nats per token");
  fmt::print("{:18}{:.3g}\n", "largest logit gap", a.logit_worst);
  fmt::print("{:18}{:.3g} rms, of the token that came\n", "probability gap", a.probability_rms);
}

void print_scope(int64_t tokens, const Material& material, const WindowOptions& cut) {
  fmt::print("{:18}{} tokens in {} windows of {}\n", "over", tokens, material.windows.size(), cut.context);
}

void show(const Agreement& agreement, const Material& material, const TextOptions& text) {
  if (text.json) {
    fmt::print("{}\n", dump_json(to_json(agreement), 2));
    return;
  }
  print(agreement);
  print_scope(agreement.tokens, material, text.windows);
}

void add_perplexity(CLI::App& eval) {
  struct Options {
    ModelOptions model;
    TextOptions text;
    std::string save;
  };
  auto o = std::make_shared<Options>();
  CLI::App* command = eval.add_subcommand("perplexity", "How well a model predicts a text");
  o->model.add_to(*command);
  o->text.add_to(*command);
  command->add_option("--save-logits", o->save, "Also write all logits, for dure eval kl; 4 bytes per token and entry")
      ->type_name("FILE");
  command->callback([o] {
    const OpenModel model(o->model);
    const Material material = read_material(o->text, o->model.model, *model.model);
    ModelLogits logits(*model.model, *model.device, material.windows);
    ProgressBar bar("scoring");
    Perplexity result;
    if (o->save.empty()) {
      result = measure_perplexity(logits, *model.device, material.windows, progress_of(bar));
    } else {
      write_file_atomically(o->save, [&](std::ostream& out) {
        RecordedLogits recorded(logits, material.windows, out);
        result = measure_perplexity(recorded, *model.device, material.windows, progress_of(bar));
      });
    }
    bar.finish();
    if (o->text.json) {
      fmt::print("{}\n", dump_json(to_json(result, material.bytes), 2));
      return;
    }
    print(result, material.bytes);
    print_scope(result.tokens, material, o->text.windows);
  });
}

void add_kl(CLI::App& eval) {
  struct Options {
    ModelOptions model;
    TextOptions text;
    std::string base;
  };
  auto o = std::make_shared<Options>();
  CLI::App* command = eval.add_subcommand("kl", "How far a model is from logits that another one has written");
  o->model.add_to(*command);
  o->text.add_to(*command);
  command->add_option("--base-logits", o->base, "From dure eval perplexity --save-logits, over the same text")
      ->required()
      ->type_name("FILE");
  command->callback([o] {
    const OpenModel model(o->model);
    const Material material = read_material(o->text, o->model.model, *model.model);
    const std::unique_ptr<LogitSource> base = open_logits(o->base, *model.device, material.windows);
    ModelLogits logits(*model.model, *model.device, material.windows);
    ProgressBar bar("scoring");
    const Agreement result = measure_agreement(*base, logits, *model.device, material.windows, progress_of(bar));
    bar.finish();
    show(result, material, o->text);
  });
}

void add_agree(CLI::App& eval) {
  struct Options {
    ModelOptions base, other;
    TextOptions text;
  };
  auto o = std::make_shared<Options>();
  CLI::App* command = eval.add_subcommand("agree", "How far two models, quantisations or backends are from each other");
  o->base.add_to(*command);
  o->other.add_other_to(*command);
  o->text.add_to(*command);
  command->callback([o] {
    const OpenModel base(o->base), other(o->other);
    const Material material = read_material(o->text, o->base.model, *base.model);
    ModelLogits a(*base.model, *base.device, material.windows), b(*other.model, *other.device, material.windows);
    ProgressBar bar("scoring");
    const Agreement result = measure_agreement(a, b, *base.device, material.windows, progress_of(bar));
    bar.finish();
    show(result, material, o->text);
  });
}

}  // namespace

/// dure eval perplexity|kl|agree: what a quantisation, an adapter or a backend does to a model's predictions;
/// bpb|answers|choice|samples: what a model knows and can do.
void add_eval(CLI::App& app) {
  CLI::App* command = app.add_subcommand("eval", "Measure how good a model is, and how far two are from each other");
  command->require_subcommand(1);
  add_perplexity(*command);
  add_kl(*command);
  add_agree(*command);
  add_eval_bpb(*command);
  add_eval_answers(*command);
  add_eval_choice(*command);
  add_eval_samples(*command);
}

}  // namespace dure
