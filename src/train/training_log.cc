#include "train/training_log.h"

#include <chrono>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/system.h"
#include "models/model_shape.h"

namespace dure {
namespace {

/// Lines of steps up to `step`, parsed. What a power cut left half written goes too.
std::vector<Json> kept_lines(const std::string& text, int64_t step) {
  std::vector<Json> kept;
  for (size_t begin = 0, end; (end = text.find('\n', begin)) != text.npos; begin = end + 1) {
    const std::string line = text.substr(begin, end - begin);
    Json json = Json::accept(line) ? parse_json(line, "log") : Json();
    if (json.is_object() && json.contains("step") && json["step"].is_number() && json["step"] <= step)
      kept.push_back(std::move(json));
  }
  return kept;
}

double seconds_of(const Json& line) {
  return line.contains("seconds") && line["seconds"].is_number() ? line["seconds"].get<double>() : 0;
}

double now() { return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count(); }

}  // namespace

TrainingLog::TrainingLog(const std::filesystem::path& path, int64_t step)
    : path_(path.string()), events_(path.parent_path() / "events.out.tfevents.0.dure") {
  if (std::filesystem::exists(path)) {
    const std::vector<Json> kept = kept_lines(read_file(path, size_t{1} << 30), step);
    write_file_atomically(path, [&](std::ostream& out) {
      for (const Json& line : kept) out << dump_json(line) << '\n';
    });
    // The log has no times of day: as if the steps had ended just now.
    double time = now();
    for (const Json& line : kept) time -= seconds_of(line);
    for (const Json& line : kept) add_events(line, time += seconds_of(line));
  }
  out_.open(path, std::ios::app);
  require(out_.is_open(), "{}: cannot write", path_);
}

/// Every number of a line is a point of a curve.
void TrainingLog::add_events(const Json& line, double wall_time) {
  std::vector<std::pair<std::string_view, double>> values;
  for (const auto& [name, value] : line.get_ref<const Json::object_t&>())
    if (value.is_number() && name != "step") values.emplace_back(name, value.get<double>());
  events_.append(wall_time, line["step"].get<int64_t>(), values);
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
  for (const auto& [name, value] : r.measures) line[name] = value;
  if (r.skipped) line["skipped"] = true;
  out_ << dump_json(line) << '\n' << std::flush;
  require(out_.good(), "{}: cannot write", path_);
  add_events(line, now());
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
