#include "formats/generation_config.h"

#include "base/error.h"
#include "base/json.h"

namespace dure {
namespace {

constexpr int kMaxToken = 1 << 30;

std::vector<int> token_ids(const Fields& fields, std::string_view key) {
  const Json* value = fields.find(key);
  if (value == nullptr) return {};
  if (!value->is_array()) return {fields.integer(key, 0, kMaxToken)};
  std::vector<int> ids;
  for (const Json& id : *value) {
    require(id.is_number_integer() && id.get<int64_t>() >= 0 && id.get<int64_t>() <= kMaxToken,
            "{}: field '{}': expected token ids from 0 to {}, found {}", fields.source(), key, kMaxToken,
            quote(dump_json(id), 40));
    ids.push_back(id.get<int>());
  }
  return ids;
}

std::optional<double> number(const Fields& fields, std::string_view key, double min, double max) {
  if (!fields.has(key)) return {};
  const double value = fields.number(key);
  require(value >= min && value <= max, "{}: field '{}': expected a number from {} to {}, found {}", fields.source(),
          key, min, max, value);
  return value;
}

}  // namespace

GenerationConfig parse_generation_config(const Json& json, const std::string& source) {
  const Fields fields(json, source);
  GenerationConfig config;
  if (const std::vector<int> bos = token_ids(fields, "bos_token_id"); !bos.empty()) config.bos_token_id = bos.front();
  config.eos_token_ids = token_ids(fields, "eos_token_id");
  if (fields.has("do_sample")) config.do_sample = fields.boolean_or("do_sample", false);
  config.temperature = number(fields, "temperature", 0, 100);
  config.top_p = number(fields, "top_p", 0, 1);
  config.min_p = number(fields, "min_p", 0, 1);
  config.repetition_penalty = number(fields, "repetition_penalty", 0.01, 100);
  if (fields.has("top_k")) config.top_k = fields.integer("top_k", -1, kMaxToken);
  return config;
}

}  // namespace dure
