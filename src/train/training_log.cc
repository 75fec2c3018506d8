#include "train/training_log.h"

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/system.h"
#include "models/model_shape.h"

namespace dure {
namespace {

/// Lines of steps up to `step`. What a power cut left half written goes too.
std::string kept_lines(const std::string& text, int64_t step) {
  std::string kept;
  for (size_t begin = 0, end; (end = text.find('\n', begin)) != text.npos; begin = end + 1) {
    const std::string line = text.substr(begin, end + 1 - begin);
    const Json json = Json::accept(line) ? parse_json(line, "log") : Json();
    if (json.is_object() && json.contains("step") && json["step"].is_number() && json["step"] <= step) kept += line;
  }
  return kept;
}

}  // namespace

TrainingLog::TrainingLog(const std::filesystem::path& path, int64_t step) : path_(path.string()) {
  if (std::filesystem::exists(path)) {
    const std::string kept = kept_lines(read_file(path, size_t{1} << 30), step);
    write_file_atomically(path, [&](std::ostream& out) { out << kept; });
  }
  out_.open(path, std::ios::app);
  require(out_.is_open(), "{}: cannot write", path_);
}

void TrainingLog::append(const StepReport& r) {
  Json line = {{"step", r.step},
               {"tokens", r.tokens},
               {"loss", r.loss},
               {"main", r.parts.main},
               {"mtp", r.parts.mtp},
               {"balance", r.parts.balance},
               {"lr", r.learning_rate},
               {"grad_norm", r.gradient_norm},
               {"expert_load", r.expert_load},
               {"seconds", r.seconds},
               {"tokens_per_second", static_cast<double>(r.step_tokens) / r.seconds},
               {"memory", resident_memory()}};
  if (r.skipped) line["skipped"] = true;
  out_ << dump_json(line) << '\n' << std::flush;
  require(out_.good(), "{}: cannot write", path_);
}

double training_operations(const Json& config, const std::string& source, double positions, bool mtp) {
  const ModelShape shape = model_shape(config, source);
  double weights = 0, head = 0;
  for (const ParameterShape& p : shape.parameters) {
    const auto size = static_cast<double>(p.shape.numel());
    if (p.shape.rank() != 2 || (p.part == Part::mtp && !mtp)) continue;
    const bool routed = p.name.find(".mlp.experts.") != p.name.npos;
    const bool is_head = p.part == Part::head || (p.part == Part::embedding && shape.tied());
    const bool table = p.name.ends_with("embed_tokens.weight") || p.name.ends_with("shared_head.head.weight");
    if (is_head) head = size;
    if (!table && !is_head) weights += routed ? size * shape.expert_share : size;
  }
  const auto layers = static_cast<double>(shape.info.num_hidden_layers);
  const double products = static_cast<double>(shape.info.attention_products) * (mtp ? (layers + 1) / layers : 1);
  return 6 * (weights + head * (mtp ? 2 : 1) + products * positions);
}

}  // namespace dure
