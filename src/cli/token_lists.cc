#include "cli/token_lists.h"

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"

namespace dure {

std::vector<std::vector<int>> read_token_lists(const std::string& path) {
  const Json json = parse_json(read_file(path), path);
  require(json.is_array(), "{}: expected a JSON array of arrays of token ids", path);
  std::vector<std::vector<int>> lists;
  for (const Json& list : json) {
    require(list.is_array() && !list.empty(), "{}: list {}: expected a JSON array of token ids, not empty", path,
            lists.size());
    lists.emplace_back();
    for (const Json& id : list) {
      require(id.is_number_integer() && id.get<int64_t>() >= 0 && id.get<int64_t>() < (1 << 30),
              "{}: list {}: expected a token id, found {}", path, lists.size() - 1, quote(dump_json(id)));
      lists.back().push_back(id.get<int>());
    }
  }
  return lists;
}

}  // namespace dure
