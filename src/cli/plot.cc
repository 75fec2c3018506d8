#include <fmt/format.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "cli/app.h"
#include "toolbox/svg_chart.h"

namespace dure {
namespace {

namespace fs = std::filesystem;

struct PlotOptions {
  std::string run, file;
};

/// What is drawn: a chart for each row, of those fields that the log has.
struct Panel {
  const char* title;
  std::vector<const char*> fields;
};
const std::vector<Panel> kPanels = {
    {"loss", {"loss", "main", "mtp", "dpo_loss"}},       {"reward", {"reward", "right", "finished", "margin"}},
    {"tokens of an answer", {"answer_tokens"}},          {"learning rate", {"lr"}},
    {"expert load: busiest over mean", {"expert_load"}}, {"gradient norm", {"grad_norm"}},
    {"tokens a second", {"tokens_per_second"}}};

/// Lines that a crash left half written are passed over.
std::vector<Json> read_lines(const fs::path& log) {
  const std::string text = read_file(log, size_t{1} << 30);
  std::vector<Json> lines;
  for (size_t begin = 0, end; (end = text.find('\n', begin)) != text.npos; begin = end + 1) {
    const std::string line = text.substr(begin, end - begin);
    Json json = Json::accept(line) ? parse_json(line, log.string()) : Json();
    if (json.is_object() && json.contains("step") && json["step"].is_number()) lines.push_back(std::move(json));
  }
  require(!lines.empty(), "{}: no steps", log.string());
  return lines;
}

/// A field over the steps. One that is 0 throughout was not used.
ChartSeries series_of(const std::vector<Json>& lines, const char* field) {
  ChartSeries s{field, {}};
  bool used = false;
  for (const Json& line : lines) {
    if (!line.contains(field) || !line[field].is_number()) continue;
    s.points.emplace_back(line["step"].get<double>(), line[field].get<double>());
    used = used || s.points.back().second != 0;
  }
  if (!used) s.points.clear();
  return s;
}

void plot(const PlotOptions& o) {
  const fs::path run = o.run, log = fs::is_directory(run) ? run / "log.jsonl" : run;
  const std::vector<Json> lines = read_lines(log);
  std::vector<Chart> charts;
  for (const Panel& panel : kPanels) {
    charts.push_back({panel.title, {}});
    for (const char* field : panel.fields) charts.back().series.push_back(series_of(lines, field));
  }
  const fs::path file = o.file.empty() ? log.parent_path() / "plot.svg" : fs::path(o.file);
  require(file.extension() == ".svg", "{}: expected a name that ends with .svg", file.string());
  const std::string title = fs::weakly_canonical(log).parent_path().filename().string();
  write_file_atomically(file, [&](std::ostream& out) { out << svg_charts(title, "step", charts); });
  fmt::print("{}: {} steps\n", file.string(), lines.size());
}

}  // namespace

/// dure plot RUN: a picture of a training run's log.
void add_plot(CLI::App& app) {
  auto o = std::make_shared<PlotOptions>();
  CLI::App* command = app.add_subcommand("plot", "Draw loss, learning rate and expert load of a training run");
  command->add_option("RUN", o->run, "Folder of a run, or its log.jsonl")->required();
  command->add_option("-o,--out", o->file, "The picture, SVG; by default plot.svg in the folder")->type_name("FILE");
  command->callback([o] { plot(*o); });
}

}  // namespace dure
