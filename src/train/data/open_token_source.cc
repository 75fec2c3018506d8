#include <algorithm>
#include <filesystem>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "train/data/shard_source.h"
#include "train/data/token_source.h"

namespace dure {
namespace {

constexpr int kLongest = 1 << 24;

void require_known(const Json& object, const std::string& where, std::initializer_list<std::string_view> known) {
  for (const auto& [key, value] : object.get_ref<const Json::object_t&>())
    require(std::find(known.begin(), known.end(), key) != known.end(), "{}: unknown key {}", where, quote(key));
}

std::unique_ptr<TokenSource> open_shards(const Fields& fields, const Json& sets, const std::filesystem::path& folder,
                                         uint64_t seed) {
  require(sets.is_array() && !sets.empty(), "{}: field 'shards': expected a list", fields.source());
  std::vector<ShardSet> opened;
  for (const Json& entry : sets) {
    const Fields set(entry, fields.source() + ": shards");
    require_known(entry, set.source(), {"folder", "split", "weight"});
    opened.push_back(
        open_shard_set(folder / set.string("folder"), set.string_or("split", "train"), set.number_or("weight", 1)));
  }
  return make_shard_source(std::move(opened), fields.integer_or("length", 512, 1, kLongest), seed);
}

}  // namespace

std::unique_ptr<TokenSource> open_token_source(const Json& data, const std::string& source, const std::string& folder,
                                               uint64_t seed) {
  const Fields fields(data, source);
  require_known(data, source + ": data", {"bytes", "shards", "length"});
  require(fields.has("bytes") != fields.has("shards"), "{}: 'data': expected bytes, shards or chats", source);
  if (fields.has("shards")) return open_shards(fields, *fields.find("shards"), folder, seed);
  const std::filesystem::path file = std::filesystem::path(folder) / fields.string("bytes");
  std::vector<int> tokens;
  for (const char c : read_file(file)) tokens.push_back(static_cast<unsigned char>(c));
  return make_token_windows(std::move(tokens), fields.integer_or("length", 512, 1, kLongest), seed);
}

}  // namespace dure
