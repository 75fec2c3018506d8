#include <fmt/chrono.h>
#include <fmt/format.h>

#include "base/json.h"
#include "cli/app.h"
#include "cli/hub_environment.h"
#include "cli/model_options.h"
#include "toolbox/hub/cache_list.h"

namespace dure {
namespace {

Json describe(const CachedModel& m) {
  return {{"name", m.id},           {"kind", m.kind},
          {"commit", m.commit},     {"revisions", m.refs},
          {"bytes", m.bytes},       {"fetched", fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(m.fetched))},
          {"path", m.path.string()}};
}

/// "main", "v1.0 main", or the beginning of the commit where no name stands for it.
std::string revision_text(const CachedModel& m) {
  return m.refs.empty() ? m.commit.substr(0, 8) : fmt::format("{}", fmt::join(m.refs, " "));
}

void print_models(const std::vector<CachedModel>& models) {
  std::vector<std::array<std::string, 5>> rows = {{"model", "revision", "size", "fetched", "kind"}};
  for (const CachedModel& m : models)
    rows.push_back({m.id, revision_text(m), bytes_text(m.bytes),
                    fmt::format("{:%Y-%m-%d %H:%M}", fmt::localtime(m.fetched)), m.kind});
  std::array<size_t, 5> widths{};
  for (const auto& row : rows)
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  for (const auto& row : rows)
    fmt::print("{:{}}  {:{}}  {:>{}}  {:{}}  {}\n", row[0], widths[0], row[1], widths[1], row[2], widths[2], row[3],
               widths[3], row[4]);
}

}  // namespace

/// dure list: the models in the cache.
void add_list(CLI::App& app) {
  auto json = std::make_shared<bool>(false);
  CLI::App* command = app.add_subcommand("list", "List the models in the cache");
  command->add_flag("--json", *json, "As one JSON array");
  command->callback([json] {
    const HubCache cache(hub_cache());
    const std::vector<CachedModel> models = list_models(cache);
    if (*json) {
      Json all = Json::array();
      for (const CachedModel& m : models) all.push_back(describe(m));
      fmt::print("{}\n", dump_json(all, 2));
      return;
    }
    if (models.empty()) {
      fmt::print("no models in {}; dure pull OWNER/NAME fetches one\n", cache.root().string());
      return;
    }
    print_models(models);
    fmt::print("{} on disk, in {}\n", bytes_text(bytes_on_disk(cache)), cache.root().string());
  });
}

}  // namespace dure
