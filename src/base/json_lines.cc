#include "base/json_lines.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/file.h"
#include "base/json.h"

namespace dure {

void for_each_json_line(const std::filesystem::path& path,
                        const std::function<bool(const Json& record, const std::string& source)>& use) {
  const std::string text = read_file(path);
  for (size_t begin = 0, line = 1; begin < text.size(); ++line) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view record = std::string_view(text).substr(begin, end - begin);
    begin = end + 1;
    if (record.find_first_not_of(" \t\r") == record.npos) continue;
    const std::string source = fmt::format("{}:{}", path.string(), line);
    if (!use(parse_json(record, source), source)) return;
  }
}

}  // namespace dure
