#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"
#include "cli/eval_commands.h"

namespace dure {
namespace {

/// Characters, each of which takes one column in what these tables hold.
size_t columns(const std::string& text) {
  return static_cast<size_t>(std::ranges::count_if(text, [](char c) { return (c & 0xC0) != 0x80; }));
}

}  // namespace

Json to_json(const Estimate& e) { return {{"mean", e.mean}, {"error", e.error}}; }

EvaluationProgress progress_of(ProgressBar& bar) {
  return [&bar](int64_t done, int64_t total) { bar.update(done, total); };
}

void print_columns(const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths;
  for (const std::vector<std::string>& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], columns(row[i]));
  }
  for (const std::vector<std::string>& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) {
      const std::string space(widths[i] - columns(row[i]), ' ');
      fmt::print("{}{}{}{}", i > 0 ? "  " : "", i > 0 ? space : "", row[i], i == 0 && row.size() > 1 ? space : "");
    }
    fmt::print("\n");
  }
}

std::string percent_text(const Estimate& e) { return fmt::format("{:.1f} ± {:.1f} %", 100 * e.mean, 100 * e.error); }

}  // namespace dure
