#include "toolbox/hub/cache_list.h"

#include <sys/stat.h>

#include <algorithm>
#include <set>

#include "base/file.h"
#include "toolbox/hub/name.h"

namespace dure {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxEntries = 1'000'000;

/// The entries of one folder, sorted; none if it cannot be read.
std::vector<fs::path> entries(const fs::path& folder) {
  std::vector<fs::path> out;
  std::error_code error;
  for (fs::directory_iterator i(folder, error), end; !error && i != end && out.size() < kMaxEntries; i.increment(error))
    out.push_back(i->path());
  std::sort(out.begin(), out.end());
  return out;
}

/// Size and time of a regular file; size 0 and time 0 if it is none. Links are not followed.
std::pair<int64_t, std::time_t> measure(const fs::path& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return {0, 0};
  return {status.st_size, status.st_mtime};
}

/// OWNER/NAME of models--OWNER--NAME; empty if the folder is no model's.
std::string id_of(const fs::path& folder) {
  std::string name = folder.filename().string();
  if (!name.starts_with("models--")) return "";
  name.erase(0, 8);
  const size_t at = name.find("--");
  if (at == name.npos) return "";
  name = name.substr(0, at) + "/" + name.substr(at + 2);
  return is_hub_id(name) ? name : "";
}

std::string kind_of(const std::vector<fs::path>& files) {
  const auto any = [&](const char* ending) {
    return std::any_of(files.begin(), files.end(), [&](const fs::path& p) { return p.extension() == ending; });
  };
  return any(".safetensors") ? "safetensors" : any(".gguf") ? "GGUF" : "other";
}

CachedModel describe_snapshot(const HubCache& cache, const std::string& id, const std::string& commit,
                              std::set<std::string>& used) {
  CachedModel model{.id = id, .commit = commit, .refs = {}, .kind = {}, .path = cache.snapshot(id, commit)};
  const std::vector<fs::path> files = files_in(model.path, true);
  model.kind = kind_of(files);
  std::set<std::string> counted;
  for (const fs::path& file : files) {
    const std::string blob = linked_blob(cache, id, file);
    if (!blob.empty() && !counted.insert(blob).second) continue;
    const auto [bytes, time] = measure(blob.empty() ? file : cache.blob(id, blob));
    model.bytes += bytes;
    model.fetched = std::max(model.fetched, time);
  }
  used.merge(counted);
  return model;
}

}  // namespace

std::vector<fs::path> files_in(const fs::path& folder, bool deep) {
  std::vector<fs::path> out, folders = {folder};
  constexpr int kMaxDepth = 64;
  for (int depth = 0; !folders.empty() && depth < kMaxDepth; ++depth) {
    std::vector<fs::path> next;
    for (const fs::path& f : folders)
      for (const fs::path& entry : entries(f)) {
        std::error_code error;
        const bool is_folder = fs::symlink_status(entry, error).type() == fs::file_type::directory;
        (is_folder ? next : out).push_back(entry);
      }
    folders = deep ? std::move(next) : std::vector<fs::path>();
  }
  return out;
}

std::string linked_blob(const HubCache& cache, const std::string& id, const fs::path& link) {
  std::error_code error;
  const fs::path target = fs::read_symlink(link, error);
  if (error) return "";
  const fs::path blobs = cache.model(id) / "blobs";
  const fs::path full = (target.is_absolute() ? target : link.parent_path() / target).lexically_normal();
  return full.parent_path() == blobs.lexically_normal() ? full.filename().string() : "";
}

std::vector<std::pair<std::string, std::string>> list_refs(const HubCache& cache, const std::string& id) {
  std::vector<std::pair<std::string, std::string>> refs;
  const fs::path folder = cache.model(id) / "refs";
  for (const fs::path& file : files_in(folder, true)) {
    const std::string revision = file.lexically_relative(folder).generic_string();
    if (const auto commit = cache.commit_of(id, revision)) refs.emplace_back(revision, *commit);
  }
  return refs;
}

std::vector<std::string> list_commits(const HubCache& cache, const std::string& id) {
  std::vector<std::string> commits;
  for (const fs::path& entry : entries(cache.model(id) / "snapshots"))
    if (const std::string name = entry.filename().string(); is_hex_digest(name, 40)) commits.push_back(name);
  return commits;
}

std::vector<CachedModel> list_models(const HubCache& cache) {
  std::vector<CachedModel> models;
  for (const fs::path& folder : entries(cache.root())) {
    const std::string id = id_of(folder);
    if (id.empty()) continue;
    const auto refs = list_refs(cache, id);
    std::set<std::string> used;
    for (const std::string& commit : list_commits(cache, id)) {
      CachedModel model = describe_snapshot(cache, id, commit, used);
      for (const auto& [revision, target] : refs)
        if (target == commit) model.refs.push_back(revision);
      models.push_back(std::move(model));
    }
    CachedModel unfinished{.id = id, .commit = {}, .refs = {}, .kind = "unfinished", .path = folder / "blobs"};
    for (const fs::path& blob : files_in(folder / "blobs", false)) {
      if (used.contains(blob.filename().string())) continue;
      const auto [bytes, time] = measure(blob);
      unfinished.bytes += bytes;
      unfinished.fetched = std::max(unfinished.fetched, time);
    }
    if (unfinished.fetched != 0) models.push_back(std::move(unfinished));
  }
  return models;
}

int64_t bytes_on_disk(const HubCache& cache) {
  int64_t bytes = 0;
  for (const fs::path& folder : entries(cache.root()))
    if (!id_of(folder).empty())
      for (const fs::path& file : files_in(folder, true)) bytes += measure(file).first;
  return bytes;
}

}  // namespace dure
