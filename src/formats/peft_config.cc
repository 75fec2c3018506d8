#include "formats/peft_config.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/error.h"
#include "base/json.h"

namespace dure {
namespace {

constexpr int kMaxRank = 1 << 16, kMaxLayer = 1 << 20;

// Fields that, if set, make the adapter something else than two matrices beside a linear layer.
constexpr const char* kMustBeOff[] = {
    "use_dora",          "modules_to_save",   "trainable_token_indices",
    "target_parameters", "lora_bias",         "fan_in_fan_out",
    "use_qalora",        "layer_replication", "alora_invocation_tokens",
    "arrow_config",      "monteclora_config", "use_bdlora",
    "kasa_config",       "velora_config",     "megatron_config",
};
// Ways to start training that leave the base as it is. With others (PiSSA, OLoRA, CorDA, LoftQ) the matrices belong to
// a changed base, until PEFT converts them and writes `true`.
constexpr const char* kPlainStarts[] = {"gaussian", "orthogonal", "eva"};

bool is_off(const Json& value) {
  if (value.is_boolean()) return !value.get<bool>();
  return (value.is_structured() || value.is_string()) && value.empty();
}

/// A string or an array of strings.
std::vector<std::string> strings(const Fields& fields, std::string_view key) {
  const Json* value = fields.find(key);
  if (value == nullptr) return {};
  if (value->is_string()) return {value->get<std::string>()};
  require(value->is_array(), "{}: field '{}': expected a string or an array of strings, found {}", fields.source(), key,
          quote(dump_json(*value), 40));
  std::vector<std::string> list;
  for (const Json& item : *value) {
    require(item.is_string(), "{}: field '{}': expected strings, found {}", fields.source(), key,
            quote(dump_json(item), 40));
    list.push_back(item.get<std::string>());
  }
  return list;
}

ModulePattern pattern_of(const Fields& fields, std::string_view key, const std::string& pattern) {
  return ModulePattern(pattern, fmt::format("{}: field '{}'", fields.source(), key));
}

ModuleSet module_set(const Fields& fields, std::string_view key) {
  ModuleSet set;
  set.names = strings(fields, key);
  const Json* value = fields.find(key);
  if (value == nullptr || !value->is_string() || set.names.front().empty()) return set;
  set.pattern = pattern_of(fields, key, set.names.front());
  set.names.clear();
  return set;
}

std::vector<int> layer_indices(const Fields& fields, std::string_view key) {
  const Json* value = fields.find(key);
  if (value == nullptr) return {};
  if (!value->is_array()) return {fields.integer(key, 0, kMaxLayer)};
  std::vector<int> layers;
  for (const Json& item : *value) {
    require(item.is_number_integer() && item.get<int64_t>() >= 0 && item.get<int64_t>() <= kMaxLayer,
            "{}: field '{}': expected layers from 0 on, found {}", fields.source(), key, quote(dump_json(item), 40));
    layers.push_back(item.get<int>());
  }
  return layers;
}

/// Values by pattern: a key is the end of a module's path, or a regular expression of it.
template <class Read>
auto by_pattern(const Fields& fields, std::string_view key, Read read) {
  std::vector<std::pair<ModulePattern, decltype(read(fields, ""))>> list;
  const Json* value = fields.find(key);
  if (value == nullptr) return list;
  const Fields values(*value, fmt::format("{}: field '{}'", fields.source(), key));
  for (const auto& [pattern, ignored] : value->get_ref<const Json::object_t&>())
    list.emplace_back(pattern_of(fields, key, "(?:.*\\.)?(?:" + pattern + ")"), read(values, pattern));
  return list;
}

template <class T>
T value_for(const std::vector<std::pair<ModulePattern, T>>& patterns, std::string_view module, T otherwise) {
  for (const auto& [pattern, value] : patterns)
    if (pattern.matches(module)) return value;
  return otherwise;
}

/// A number that scales a product: finite and of a size that training could give it.
double alpha_of(const Fields& fields, const std::string& key) {
  const double alpha = fields.number(key);
  require(std::fabs(alpha) <= 1e9, "{}: field '{}': expected a number up to 1e9, found {}", fields.source(), key,
          alpha);
  return alpha;
}

void refuse_what_is_not_plain_lora(const Fields& fields) {
  const std::string type = fields.string("peft_type");
  require(type == "LORA", "{}: field 'peft_type': expected LORA, found {}", fields.source(), quote(type));
  const std::string bias = fields.string_or("bias", "none");
  require(bias == "none", "{}: field 'bias': expected none, found {}", fields.source(), quote(bias));
  for (const char* key : kMustBeOff)
    if (const Json* value = fields.find(key))
      require(is_off(*value), "{}: field '{}' is not supported, found {}", fields.source(), key,
              quote(dump_json(*value), 40));
  const Json* start = fields.find("init_lora_weights");
  const bool plain = start == nullptr || start->is_boolean() ||
                     std::ranges::any_of(kPlainStarts, [&](const char* name) { return *start == name; });
  require(plain, "{}: field 'init_lora_weights': {} belongs to a changed base model, which is not supported",
          fields.source(), start == nullptr ? "" : quote(dump_json(*start), 40));
}

}  // namespace

bool ModuleSet::contains(std::string_view path) const {
  if (pattern) return pattern->matches(path);
  return std::ranges::any_of(names, [&](const std::string& name) {
    return path == name || (path.ends_with(name) && path[path.size() - name.size() - 1] == '.');
  });
}

bool PeftConfig::targets(std::string_view module) const {
  if (exclude_modules.contains(module)) return false;
  if (all_linear) return module != "lm_head";
  if (!target_modules.contains(module)) return false;
  // PEFT looks at layers only for modules that are not named by their whole path.
  if (layers_to_transform.empty() || std::ranges::count(target_modules.names, module) > 0) return true;
  for (const ModulePattern& pattern : layers_pattern) {
    std::string digits;
    if (!pattern.matches(module, &digits)) continue;
    int layer = -1;
    std::from_chars(digits.data(), digits.data() + digits.size(), layer);
    return std::ranges::count(layers_to_transform, layer) > 0;
  }
  return false;
}

int PeftConfig::rank(std::string_view module) const { return value_for(rank_pattern, module, r); }

double PeftConfig::scaling(std::string_view module) const {
  const double rank_of = rank(module), alpha = value_for(alpha_pattern, module, lora_alpha);
  return alpha / (use_rslora ? std::sqrt(rank_of) : rank_of);
}

PeftConfig parse_peft_config(const Json& json, const std::string& source) {
  const Fields fields(json, source);
  refuse_what_is_not_plain_lora(fields);
  const auto rank_of = [](const Fields& f, const std::string& key) { return f.integer(key, 1, kMaxRank); };

  PeftConfig c;
  c.source = source;
  c.r = rank_of(fields, "r");
  c.lora_alpha = alpha_of(fields, "lora_alpha");
  c.use_rslora = fields.boolean_or("use_rslora", false);
  c.rank_pattern = by_pattern(fields, "rank_pattern", rank_of);
  c.alpha_pattern = by_pattern(fields, "alpha_pattern", alpha_of);

  require(fields.has("target_modules"), "{}: field 'target_modules' is missing", source);
  std::string shorthand = fields.find("target_modules")->is_string() ? fields.string("target_modules") : "";
  std::ranges::transform(shorthand, shorthand.begin(), [](char ch) { return ch >= 'A' && ch <= 'Z' ? ch + 32 : ch; });
  c.all_linear = shorthand == "all-linear";
  if (!c.all_linear) c.target_modules = module_set(fields, "target_modules");
  c.exclude_modules = module_set(fields, "exclude_modules");
  c.layers_to_transform = layer_indices(fields, "layers_to_transform");
  std::vector<std::string> layers = strings(fields, "layers_pattern");
  std::erase(layers, "");
  if (layers.empty()) layers = {"[^.]*"};
  // Greedy as in PEFT: of several numbers in a path it is the last one that counts.
  for (const std::string& name : layers)
    c.layers_pattern.push_back(pattern_of(fields, "layers_pattern", ".*\\." + name + "\\.(\\d+)\\..*"));
  require(c.layers_to_transform.empty() || !fields.find("target_modules")->is_string(),
          "{}: field 'layers_to_transform' needs target_modules to be an array", source);
  return c;
}

}  // namespace dure
