#include "cli/state_folders.h"

#include <cstdlib>

#include "base/error.h"

namespace dure {
namespace {

namespace fs = std::filesystem;

/// `variable`, or ~/`below`.
fs::path base_folder(const char* variable, const char* below) {
  if (const char* given = std::getenv(variable); given != nullptr && given[0] == '/') return given;
  const char* home = std::getenv("HOME");
  require(home != nullptr && home[0] != '\0', "neither {} nor HOME is set: name a folder", variable);
  return fs::path(home) / below;
}

}  // namespace

fs::path private_folder(const fs::path& path) {
  std::error_code error;
  const bool made = fs::create_directories(path, error);
  require(!error && fs::is_directory(path), "{}: the folder cannot be made: {}", path.string(), error.message());
  if (made) fs::permissions(path, fs::perms::owner_all, error);
  return path;
}

fs::path default_data_folder() { return private_folder(base_folder("XDG_DATA_HOME", ".local/share") / "dure"); }

fs::path default_cache_folder(const std::string& name) {
  return private_folder(base_folder("XDG_CACHE_HOME", ".cache") / "dure" / name);
}

}  // namespace dure
