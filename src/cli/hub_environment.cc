#include "cli/hub_environment.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "base/ascii.h"
#include "base/error.h"
#include "base/file.h"
#include "toolbox/hub/find_model.h"

namespace dure {
namespace {

namespace fs = std::filesystem;

/// Empty if it is not set.
std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

/// A path of the environment, or empty; "~/" is the home.
fs::path path_variable(const char* name) {
  const std::string value = variable(name);
  return value.starts_with("~/") ? fs::path(variable("HOME")) / value.substr(2) : fs::path(value);
}

bool is_true(std::string value) {
  for (char& c : value)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return value == "1" || value == "ON" || value == "YES" || value == "TRUE";
}

/// Empty if the environment names no home.
fs::path hugging_face_home() {
  if (const fs::path home = path_variable("HF_HOME"); !home.empty()) return home;
  if (const fs::path cache = path_variable("XDG_CACHE_HOME"); !cache.empty()) return cache / "huggingface";
  const fs::path home = variable("HOME");
  return home.empty() ? fs::path() : home / ".cache/huggingface";
}

fs::path cache_folder() {
  for (const char* name : {"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"})
    if (const fs::path cache = path_variable(name); !cache.empty()) return cache;
  const fs::path home = hugging_face_home();
  return home.empty() ? home : home / "hub";
}

std::string trimmed(const std::string& text) { return std::string(ascii_trim(text)); }

std::string token() {
  for (const char* name : {"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"})
    if (const std::string value = trimmed(variable(name)); !value.empty()) return value;
  fs::path file = path_variable("HF_TOKEN_PATH");
  if (file.empty()) file = hugging_face_home() / "token";
  std::error_code ignored;
  constexpr size_t kMaxToken = 64 << 10;
  return fs::exists(file, ignored) ? trimmed(read_file(file, kMaxToken)) : "";
}

}  // namespace

HubOptions hub_options() {
  HubOptions o;
  if (std::string endpoint = trimmed(variable("HF_ENDPOINT")); !endpoint.empty()) {
    while (endpoint.ends_with('/')) endpoint.pop_back();
    o.endpoint = endpoint;
  }
  o.cache = hub_cache();
  o.token = token();
  o.offline = is_true(variable("HF_HUB_OFFLINE")) || is_true(variable("TRANSFORMERS_OFFLINE"));
  if (const std::string text = variable("HF_HUB_DOWNLOAD_TIMEOUT"); !text.empty()) {
    int seconds = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    require(error == std::errc() && end == text.data() + text.size() && seconds >= 1 && seconds <= 3600,
            "HF_HUB_DOWNLOAD_TIMEOUT: expected seconds from 1 to 3600, found {}", quote(text));
    o.stall = std::chrono::seconds(seconds);
  }
  return o;
}

fs::path hub_cache() {
  const fs::path folder = cache_folder();
  require(!folder.empty(), "no folder for models: set HF_HUB_CACHE or HOME");
  return folder;
}

fs::path model_path(const std::string& model) { return find_model(model, cache_folder()); }

}  // namespace dure
