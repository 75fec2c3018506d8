#include "toolbox/hub/select.h"

#include <fnmatch.h>

#include <algorithm>
#include <map>

namespace dure {
namespace {

/// What stands beside the weights of a Hugging Face folder.
constexpr const char* kCompanions[] = {
    "config.json", "generation_config.json",  "tokenizer*",        "vocab.json",     "vocab.txt",
    "merges.txt",  "special_tokens_map.json", "added_tokens.json", "chat_template*",
};

std::string_view file_name(std::string_view path) { return path.substr(path.rfind('/') + 1); }

bool matches_any(const std::string& path, const std::vector<std::string>& patterns) {
  return std::any_of(patterns.begin(), patterns.end(), [&](const std::string& p) { return matches_glob(path, p); });
}

/// "Q4/x-00002-of-00003.gguf": {"Q4/x", "-of-00003.gguf"}; two empty strings if it is no part of several.
std::pair<std::string, std::string> split_part(const std::string& path) {
  constexpr size_t kTail = sizeof("-00001-of-00003.gguf") - 1;
  if (path.size() <= kTail) return {};
  const size_t at = path.size() - kTail;
  if (!matches_glob(path.substr(at), "-[0-9][0-9][0-9][0-9][0-9]-of-[0-9][0-9][0-9][0-9][0-9].gguf")) return {};
  return {path.substr(0, at), path.substr(at + 6)};
}

/// Characters that a pattern gives a meaning stand for themselves.
std::string as_pattern(const std::string& path) {
  std::string out;
  for (const char c : path) out += c == '*' || c == '?' || c == '[' ? std::string("[") + c + "]" : std::string(1, c);
  return out;
}

std::vector<HubFile> weights_and_companions(const std::vector<HubFile>& files) {
  // Weights in folders are other forms of the same (original/, onnx/), and so is Mistral's consolidated.safetensors
  // beside model.safetensors.
  const auto is_weight = [](const HubFile& f) {
    return f.path.find('/') == f.path.npos && f.path.ends_with(".safetensors");
  };
  const auto is_consolidated = [](const HubFile& f) { return f.path.starts_with("consolidated"); };
  const bool has_model =
      std::any_of(files.begin(), files.end(), [&](const HubFile& f) { return is_weight(f) && !is_consolidated(f); });
  std::vector<HubFile> out;
  for (const HubFile& f : files) {
    const bool companion = std::any_of(std::begin(kCompanions), std::end(kCompanions), [&](const char* pattern) {
      return f.path.find('/') == f.path.npos && matches_glob(f.path, pattern);
    });
    const bool index = f.path.find('/') == f.path.npos && f.path.ends_with(".safetensors.index.json");
    if (companion || ((is_weight(f) || index) && !(has_model && is_consolidated(f)))) out.push_back(f);
  }
  return out;
}

}  // namespace

std::vector<HubModel> gguf_models(const std::vector<HubFile>& files) {
  std::vector<HubModel> models;
  std::map<std::pair<std::string, std::string>, size_t> of_parts;
  for (const HubFile& f : files) {
    if (!f.path.ends_with(".gguf") || file_name(f.path).starts_with("mmproj")) continue;
    const auto part = split_part(f.path);
    if (part.second.empty()) {
      models.push_back({f.path, as_pattern(f.path), 1, f.size});
      continue;
    }
    const auto [at, is_new] = of_parts.try_emplace(part, models.size());
    if (is_new) models.push_back({f.path, as_pattern(part.first) + "-?????" + part.second, 0, 0});
    HubModel& model = models[at->second];
    model.path = std::min(model.path, f.path);
    model.parts += 1;
    model.size += f.size;
  }
  return models;
}

bool matches_glob(const std::string& path, std::string pattern) {
  if (pattern.ends_with('/')) pattern += '*';
  return ::fnmatch(pattern.c_str(), path.c_str(), FNM_NOESCAPE) == 0;
}

Selection select_files(const std::vector<HubFile>& files, const std::vector<std::string>& include,
                       const std::vector<std::string>& exclude) {
  std::vector<HubFile> left;
  for (const HubFile& f : files)
    if (!matches_any(f.path, exclude)) left.push_back(f);
  Selection s;
  if (!include.empty()) {
    for (const HubFile& f : left)
      if (matches_any(f.path, include)) s.files.push_back(f);
    return s;
  }
  s.files = weights_and_companions(left);
  const bool has_weights =
      std::any_of(s.files.begin(), s.files.end(), [](const HubFile& f) { return f.path.ends_with(".safetensors"); });
  const std::vector<HubModel> models = gguf_models(left);
  if (has_weights || models.empty()) return s;
  s.files.clear();  // a GGUF file holds its configuration and its tokenizer
  if (models.size() > 1) {
    s.choices = models;
    return s;
  }
  for (const HubFile& f : left)
    if (matches_glob(f.path, models.front().pattern)) s.files.push_back(f);
  return s;
}

}  // namespace dure
