#include "toolbox/hub/find_model.h"

#include <algorithm>
#include <vector>

#include "base/error.h"
#include "toolbox/hub/cache.h"
#include "toolbox/hub/name.h"
#include "toolbox/hub/select.h"

namespace dure {
namespace {

namespace fs = std::filesystem;

/// A name taken apart: after OWNER/NAME may stand :REVISION and /FILE, and both may hold slashes.
struct Spoken {
  std::string id, revision, file;
};

/// All ways to read the text, the shortest revision first; none if it cannot be a name.
std::vector<Spoken> readings(const std::string& text) {
  const size_t slash = text.find('/');
  if (slash == text.npos) return {};
  const size_t end = std::min(text.find_first_of(":/", slash + 1), text.size());
  const std::string id = text.substr(0, end);
  if (!is_hub_id(id)) return {};
  if (end == text.size()) return {{id, "main", ""}};
  const std::string rest = text.substr(end + 1);
  if (!is_safe_path(rest)) return {};
  if (text[end] == '/') return {{id, "main", rest}};
  std::vector<Spoken> all;
  for (size_t at = rest.find('/'); at != rest.npos; at = rest.find('/', at + 1))
    all.push_back({id, rest.substr(0, at), rest.substr(at + 1)});
  all.push_back({id, rest, ""});
  return all;
}

/// The only snapshot of a model that was fetched under another revision than main; empty if there is not one alone.
std::string only_snapshot(const HubCache& cache, const std::string& id) {
  std::vector<std::string> commits;
  std::error_code error;
  for (fs::directory_iterator i(cache.model(id) / "snapshots", error), end; !error && i != end; i.increment(error))
    commits.push_back(i->path().filename().string());
  return commits.size() == 1 && is_hex_digest(commits[0], 40) ? commits[0] : "";
}

/// Files of a folder, those in folders below it only if `Walk` goes there.
template <class Walk>
std::vector<HubFile> files_of(const fs::path& folder) {
  std::vector<HubFile> files;
  std::error_code error;
  for (Walk i(folder, error), end; !error && i != end; i.increment(error))
    if (!i->is_directory(error)) files.push_back({i->path().lexically_relative(folder).generic_string(), 0, ""});
  std::sort(files.begin(), files.end(), [](const HubFile& a, const HubFile& b) { return a.path < b.path; });
  return files;
}

/// The model in a folder with these files: the folder itself if it has safetensors or no GGUF, else the one that is
/// GGUF. `name` is what was asked for.
fs::path model_in(const fs::path& folder, const std::string& name, const std::vector<HubFile>& files) {
  const auto is_safetensors = [](const HubFile& f) {
    return f.path.find('/') == f.path.npos && f.path.ends_with(".safetensors");
  };
  const std::vector<HubModel> models = gguf_models(files);
  if (models.empty() || std::any_of(files.begin(), files.end(), is_safetensors)) return folder;
  if (models.size() == 1) return folder / models[0].path;
  std::string list;
  for (const HubModel& m : models) list += fmt::format("{}{}/{}", list.empty() ? "" : ", ", name, m.path);
  fail("{} holds {} models; say which: {}", name, models.size(), list);
}

/// What nobody would call a model of the hub: the error of a missing file serves better.
bool is_clearly_path(const std::string& name) {
  const bool two_parts = std::count(name.begin(), name.end(), '/') == 1;
  const std::string ending = fs::path(name).extension().string();
  const bool file = ending == ".gguf" || ending == ".json" || ending == ".bin" || ending == ".safetensors";
  return name.starts_with('/') || name.starts_with('.') || name.starts_with('~') || name.ends_with('/') ||
         (two_parts && file) || readings(name).empty();
}

[[noreturn]] void fail_to_find(const HubCache& cache, const std::string& name, const Spoken& spoken) {
  std::error_code ignored;
  const std::string hub = HubName{spoken.id, spoken.revision}.text();
  const bool begun = fs::exists(cache.model(spoken.id) / "blobs", ignored);
  const char* state = begun ? "not completely here" : "not here";
  if (spoken.file.empty()) fail("{} is {}; fetch it with: dure pull {}", hub, state, hub);
  fail("{}: no such file or folder, and {} is {}; fetch it with: dure pull {}{}", name, hub, state, hub,
       spoken.file.ends_with(".gguf") ? fmt::format(" --include '{}'", spoken.file) : "");
}

}  // namespace

fs::path find_model(const std::string& name, const fs::path& root) {
  std::error_code ignored;
  if (fs::is_directory(name, ignored) && !fs::exists(fs::path(name) / "config.json", ignored))
    return model_in(name, name, files_of<fs::directory_iterator>(name));
  if (is_clearly_path(name) || fs::exists(name, ignored)) return name;
  const HubCache cache(root);
  const std::vector<Spoken> all = readings(name);
  for (const Spoken& spoken : all) {
    std::string commit = cache.commit_of(spoken.id, spoken.revision).value_or("");
    if (commit.empty() && spoken.revision == "main") commit = only_snapshot(cache, spoken.id);
    if (commit.empty()) continue;
    const fs::path snapshot = cache.snapshot(spoken.id, commit);
    const fs::path found = spoken.file.empty() ? snapshot : snapshot / spoken.file;
    if (fs::is_directory(found, ignored))
      return model_in(found, name, files_of<fs::recursive_directory_iterator>(found));
    require(fs::exists(found, ignored), "{}: {} is here without this file; fetch it with: dure pull {} --include '{}'",
            name, spoken.id, HubName{spoken.id, spoken.revision}.text(), spoken.file);
    return found;
  }
  fail_to_find(cache, name, name.ends_with(".gguf") ? all.front() : all.back());
}

}  // namespace dure
