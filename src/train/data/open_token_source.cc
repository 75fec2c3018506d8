#include <filesystem>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "train/data/token_source.h"

namespace dure {

std::unique_ptr<TokenSource> open_token_source(const Json& data, const std::string& source, const std::string& folder,
                                               uint64_t seed) {
  const Fields fields(data, source);
  for (const auto& [key, value] : data.get_ref<const Json::object_t&>())
    require(key == "bytes" || key == "length", "{}: unknown key {} in 'data', expected bytes or length", source,
            quote(key));
  const std::filesystem::path file = std::filesystem::path(folder) / fields.string("bytes");
  std::vector<int> tokens;
  for (const char c : read_file(file)) tokens.push_back(static_cast<unsigned char>(c));
  return make_token_windows(std::move(tokens), fields.integer_or("length", 512, 1, 1 << 24), seed);
}

}  // namespace dure
