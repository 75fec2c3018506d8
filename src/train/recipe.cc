#include "train/recipe.h"

#include <cmath>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "formats/peft_config.h"

namespace dure {
namespace {

namespace fs = std::filesystem;

constexpr double kMaxTokens = 1e15;

/// An object of the recipe with all the keys that it may have. A section that is left out has none.
class Section {
 public:
  Section(const Json& parent, const std::string& source, const char* name, std::initializer_list<const char*> keys)
      : json_(parent.contains(name) ? parent.at(name) : Json(Json::object())),
        fields_(json_, fmt::format("{}: {}", source, name)) {
    check_keys(json_, fields_.source(), keys);
  }

  static void check_keys(const Json& json, const std::string& source, std::initializer_list<const char*> keys) {
    for (const auto& [key, value] : json.get_ref<const Json::object_t&>())
      require(std::ranges::find(keys, key) != keys.end(), "{}: unknown key {}, expected one of {}", source, quote(key),
              fmt::join(keys, ", "));
  }

  const Fields& operator*() const { return fields_; }
  const Fields* operator->() const { return &fields_; }

  double number(const char* key, double fallback, double min, double max) const {
    const double value = fields_.number_or(key, fallback);
    require(value >= min && value <= max, "{}: field '{}': expected a number from {} to {}, found {}", fields_.source(),
            key, min, max, value);
    return value;
  }

  /// A number, or [[progress, number], ...].
  Stages stages(const char* key, double fallback, double min, double max) const {
    const Json* found = fields_.find(key);
    if (found == nullptr || found->is_number()) return {{{0, number(key, fallback, min, max)}}};
    Stages stages;
    const auto good = [&] {
      if (!found->is_array() || found->empty()) return false;
      for (const Json& entry : *found) {
        if (!entry.is_array() || entry.size() != 2 || !entry[0].is_number() || !entry[1].is_number()) return false;
        const double progress = entry[0].get<double>(), value = entry[1].get<double>();
        const bool first = stages.entries.empty();
        if (first ? progress != 0 : progress <= stages.entries.back().progress) return false;
        if (!(progress < 1) || !(value >= min && value <= max)) return false;
        stages.entries.push_back({progress, value});
      }
      return true;
    };
    require(good(),
            "{}: field '{}': expected a number from {} to {}, or [[0, number], [progress, number], ...] with progress "
            "ascending below 1",
            fields_.source(), key, min, max);
    return stages;
  }

 private:
  const Json json_;
  const Fields fields_;
};

template <class T>
T choice(const Fields& fields, const char* key, std::initializer_list<std::pair<const char*, T>> choices) {
  const std::string found = fields.string_or(key, choices.begin()->first);
  std::string names;
  for (const auto& [name, value] : choices) {
    if (found == name) return value;
    names += names.empty() ? name : fmt::format(" or {}", name);
  }
  fail("{}: field '{}': expected {}, found {}", fields.source(), key, names, quote(found));
}

void read_model(Recipe& r, const Json& json) {
  const Section model(json, r.source, "model", {"config", "from", "std", "zero_outputs"});
  const bool is_new = model->has("config");
  require(is_new != model->has("from"), "{}: expected either 'config', of a new model, or 'from', a model's folder",
          model->source());
  if (!is_new) {
    r.from = r.folder / model->string("from");
    return;
  }
  const Json& config = *model->find("config");
  if (config.is_string()) {
    const fs::path file = r.folder / config.get<std::string>();
    r.config = std::make_shared<const Json>(parse_json(read_file(file), file.string()));
  } else {
    r.config = std::make_shared<const Json>(config);
  }
  require(r.config->is_object(), "{}: field 'config': expected an object, or the name of its file", model->source());
  r.init = {r.seed, model.number("std", 0.02, 0, 1), model->boolean_or("zero_outputs", false)};
}

/// The fields of adapter_config.json that are given, and those that PEFT wants to see.
void read_lora(Recipe& r, const Json& json) {
  if (!json.contains("lora")) return;
  require(!r.from.empty(), "{}: model: field 'from' is missing: the model that the adapter is for", r.source);
  Json config = json.at("lora");
  const Fields fields(config, r.source + ": lora");
  for (const char* key : {"r", "lora_alpha", "target_modules"})
    require(fields.has(key), "{}: field '{}' is missing", fields.source(), key);
  const Json defaults = {
      {"peft_type", "LORA"}, {"task_type", "CAUSAL_LM"}, {"base_model_name_or_path", r.from.string()}};
  for (const auto& [key, value] : defaults.items())
    if (!config.contains(key)) config[key] = value;
  parse_peft_config(config, fields.source());
  r.lora = std::make_shared<const Json>(std::move(config));
}

void read_optimizer(Recipe& r, const Json& json) {
  const Section o(json, r.source, "optimizer",
                  {"type", "lr", "beta1", "beta2", "eps", "weight_decay", "momentum", "nesterov", "newton_schulz_steps",
                   "update_rms", "clip"});
  r.method = choice<Recipe::Method>(*o, "type", {{"adamw", Recipe::Method::adamw}, {"muon", Recipe::Method::muon}});
  require(o->has("lr"), "{}: field 'lr' is missing: the learning rate", o->source());
  r.lr = o.number("lr", 0, 0, 10);
  r.adamw.beta1 = o.number("beta1", r.adamw.beta1, 0, 0.999999);
  r.adamw.beta2 = o.number("beta2", r.adamw.beta2, 0, 0.999999);
  r.adamw.eps = o.number("eps", r.adamw.eps, 0, 1);
  r.adamw.weight_decay = r.muon.weight_decay = o.number("weight_decay", r.adamw.weight_decay, 0, 10);
  r.muon.momentum = o.number("momentum", r.muon.momentum, 0, 0.999999);
  r.muon.nesterov = o->boolean_or("nesterov", r.muon.nesterov);
  r.muon.newton_schulz_steps = o->integer_or("newton_schulz_steps", r.muon.newton_schulz_steps, 1, 20);
  r.muon.update_rms = o.number("update_rms", r.muon.update_rms, 0, 10);
  r.clip = o.number("clip", r.clip, 0, 1e9);
}

void read_schedule(Recipe& r, const Json& json) {
  using enum Schedule::Shape;
  const Section s(json, r.source, "schedule", {"shape", "warmup_steps", "decay_from", "final"});
  r.schedule.shape = choice<Schedule::Shape>(*s, "shape", {{"wsd", wsd}, {"cosine", cosine}, {"constant", constant}});
  r.schedule.warmup_steps = s->integer_or("warmup_steps", static_cast<int>(r.schedule.warmup_steps), 0, 1 << 30);
  r.schedule.decay_from = s.number("decay_from", r.schedule.decay_from, 0, 0.999999);
  r.schedule.final = s.number("final", r.schedule.final, 0, 1);
}

bool makes_its_batches(const Recipe& r) {
  return r.objective == Recipe::Objective::grpo || r.objective == Recipe::Objective::dpo;
}

void read_batch(Recipe& r, const Json& json) {
  const Section b(json, r.source, "batch", {"tokens", "micro_tokens", "recompute"});
  const bool made = makes_its_batches(r);
  require(made || b->has("tokens"), "{}: field 'tokens' is missing: how many each step takes", b->source());
  require(!made || !b->has("tokens"), "{}: field 'tokens': this objective's steps are as long as its answers",
          b->source());
  r.batch_tokens = b.stages("tokens", made ? 8192 : 0, 1, 1 << 30);
  double largest = 0;
  for (const Stages::Entry& e : r.batch_tokens.entries) {
    require(e.value == std::floor(e.value), "{}: field 'tokens': {} is no whole number", b->source(), e.value);
    largest = std::max(largest, e.value);
  }
  r.micro_tokens = b->integer_or("micro_tokens", static_cast<int>(std::min(largest, 8192.0)), 1, 1 << 30);
  r.recompute = b->boolean_or("recompute", false);
}

void read_grpo(Recipe& r, const Json& json) {
  const bool wanted = r.objective == Recipe::Objective::grpo;
  require(wanted || !json.contains("grpo"), "{}: field 'grpo' belongs to the objective grpo", r.source);
  if (!wanted) return;
  const Section g(
      json, r.source, "grpo",
      {"prompts", "samples", "max_tokens", "clip_low", "clip_high", "exact", "format_reward", "thinking", "command"});
  GrpoOptions& o = r.grpo;
  o.prompts = g->integer_or("prompts", o.prompts, 1, 1 << 16);
  o.samples = g->integer_or("samples", o.samples, 2, 128);
  o.max_tokens = g->integer_or("max_tokens", o.max_tokens, 1, 1 << 20);
  o.clip_low = g.number("clip_low", o.clip_low, 0, 1);
  o.clip_high = g.number("clip_high", o.clip_high, 0, 1e9);
  o.exact = g->boolean_or("exact", o.exact);
  o.seed = r.seed;
  r.rewards.format = g.number("format_reward", r.rewards.format, 0, 1);
  r.rewards.thinking = g->boolean_or("thinking", r.rewards.thinking);
  r.rewards.command = g->string_or("command", "");
  r.rewards.scratch = r.output;
}

void read_dpo(Recipe& r, const Json& json) {
  const bool wanted = r.objective == Recipe::Objective::dpo;
  require(wanted || !json.contains("dpo"), "{}: field 'dpo' belongs to the objective dpo", r.source);
  if (!wanted) return;
  const Section d(json, r.source, "dpo", {"pairs", "beta", "label_smoothing"});
  r.dpo.pairs = d->integer_or("pairs", r.dpo.pairs, 1, 1 << 16);
  r.dpo.beta = d.number("beta", r.dpo.beta, 1e-9, 1e9);
  r.dpo.label_smoothing = d.number("label_smoothing", 0, 0, 0.5);
  r.dpo.reference = r.output / "reference.json";
  r.dpo.seed = r.seed;
}

void read_distill(Recipe& r, const Json& json) {
  const bool wanted = r.objective == Recipe::Objective::distill;
  require(wanted || !json.contains("distill"), "{}: field 'distill' belongs to the objective distill", r.source);
  if (!wanted) return;
  const Section d(json, r.source, "distill", {"teacher", "share", "temperature"});
  r.distill.teacher = r.folder / d->string("teacher");
  r.distill.share = d.number("share", r.distill.share, 0, 1);
  r.distill.temperature = d.number("temperature", r.distill.temperature, 0.01, 1000);
}

/// Files that the data of a recipe name.
std::vector<fs::path> files_of(const Recipe& r, const Section& data, const char* key) {
  const Json* files = data->find(key);
  require(files != nullptr && files->is_array() && !files->empty(), "{}: field '{}': expected a list of files",
          data->source(), key);
  std::vector<fs::path> paths;
  for (const Json& file : *files) {
    require(file.is_string(), "{}: field '{}': expected a list of files", data->source(), key);
    paths.push_back(r.folder / file.get<std::string>());
  }
  return paths;
}

void override_field(Json& json, const std::string& text) {
  const size_t equals = text.find('=');
  require(equals != text.npos && equals > 0, "--set {}: expected KEY.KEY=VALUE", quote(text));
  Json* at = &json;
  const std::string path = text.substr(0, equals), value = text.substr(equals + 1);
  for (size_t begin = 0; begin <= path.size();) {
    const size_t end = std::min(path.find('.', begin), path.size());
    require(at->is_object(), "--set {}: {} has no keys", quote(text), quote(path.substr(0, begin - 1)));
    at = &(*at)[path.substr(begin, end - begin)];
    if (at->is_null()) *at = Json::object();
    begin = end + 1;
  }
  *at = Json::accept(value) ? parse_json(value, "--set") : Json(value);
}

}  // namespace

const Json& Recipe::data() const { return json->at("data"); }

std::vector<Problem> recipe_problems(const Recipe& r) {
  const Section data(*r.json, r.source, "data", {"problems", "kind"});
  std::vector<Problem> all;
  for (const fs::path& file : files_of(r, data, "problems"))
    for (Problem& p : read_problems(file, data->string_or("kind", ""))) all.push_back(std::move(p));
  return all;
}

std::vector<fs::path> recipe_pairs(const Recipe& r) {
  return files_of(r, Section(*r.json, r.source, "data", {"pairs"}), "pairs");
}

ChatFiles recipe_chats(const Recipe& r) {
  const Section data(*r.json, r.source, "data", {"chats", "length"});
  return {files_of(r, data, "chats"), data->integer_or("length", 512, 1, 1 << 24)};
}

Recipe parse_recipe(Json document, const std::string& source, const fs::path& folder) {
  Recipe r;
  r.source = source;
  r.folder = folder;
  r.json = std::make_shared<const Json>(std::move(document));
  const Json& json = *r.json;
  const Fields fields(json, source);
  Section::check_keys(json, source,
                      {"objective", "output", "seed", "model", "lora", "tokenizer", "data", "tokens", "batch",
                       "compute", "optimizer", "schedule", "loss", "grpo", "dpo", "distill", "checkpoint"});
  r.objective = choice<Recipe::Objective>(fields, "objective",
                                          {{"pretrain", Recipe::Objective::pretrain},
                                           {"sft", Recipe::Objective::sft},
                                           {"grpo", Recipe::Objective::grpo},
                                           {"dpo", Recipe::Objective::dpo},
                                           {"distill", Recipe::Objective::distill}});
  r.output = r.folder / fields.string("output");
  r.seed = static_cast<uint64_t>(fields.integer_or("seed", 1, 0, 1 << 30));
  if (fields.has("tokenizer")) r.tokenizer = r.folder / fields.string("tokenizer");
  require(fields.has("data") && fields.find("data")->is_object(), "{}: field 'data': expected an object", source);
  const double tokens = fields.number("tokens");
  require(tokens >= 1 && tokens <= kMaxTokens, "{}: field 'tokens': expected a number from 1 to {}, found {}", source,
          kMaxTokens, tokens);
  r.tokens = static_cast<int64_t>(tokens);
  r.compute = choice<Compute>(fields, "compute", {{"f32", Compute::f32}, {"bf16", Compute::bf16}});
  read_model(r, json);
  const bool may_be_new = r.objective == Recipe::Objective::pretrain || r.objective == Recipe::Objective::distill;
  require(may_be_new || !r.from.empty(), "{}: model: field 'from' is missing: the model that is fine-tuned", source);
  read_lora(r, json);
  read_batch(r, json);
  read_optimizer(r, json);
  read_schedule(r, json);

  const Section loss(json, source, "loss", {"mtp", "balance", "bias_speed"});
  r.mtp = loss.stages("mtp", 0, 0, 100);
  r.balance = loss.number("balance", 0, 0, 100);
  r.bias_speed = loss.stages("bias_speed", 0, 0, 1);
  read_grpo(r, json);
  read_dpo(r, json);
  read_distill(r, json);
  require(!makes_its_batches(r) || r.mtp(0) == 0, "{}: loss: field 'mtp': this objective has no such loss", r.source);
  const Section checkpoint(json, source, "checkpoint", {"every_steps", "keep"});
  r.checkpoint_steps = checkpoint->integer_or("every_steps", 100, 1, 1 << 30);
  r.keep_checkpoints = checkpoint->integer_or("keep", 2, 1, 1 << 20);
  return r;
}

Recipe read_recipe(const fs::path& path, const std::vector<std::string>& overrides) {
  Json json = parse_json(read_file(path), path.string());
  for (const std::string& text : overrides) override_field(json, text);
  return parse_recipe(std::move(json), path.string(), path.parent_path());
}

}  // namespace dure
