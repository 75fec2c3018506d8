#include "cli/bad_lines.h"

#include <fmt/format.h>

#include <cstdio>

namespace dure {

void report_bad_lines(const BadLines& bad) {
  if (bad.count == 0) return;
  fmt::print(stderr, "{} lines were left out:\n", bad.count);
  for (const std::string& line : bad.first) fmt::print(stderr, "  {}\n", line);
  if (bad.count > static_cast<int64_t>(bad.first.size()))
    fmt::print(stderr, "  and {} more\n", bad.count - static_cast<int64_t>(bad.first.size()));
}

}  // namespace dure
