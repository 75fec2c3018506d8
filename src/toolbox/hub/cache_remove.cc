#include "toolbox/hub/cache_remove.h"

#include <sys/stat.h>

#include <algorithm>
#include <set>

#include "base/error.h"
#include "toolbox/hub/cache_list.h"
#include "toolbox/hub/lock.h"
#include "toolbox/hub/name.h"

namespace dure {
namespace {

namespace fs = std::filesystem;

int64_t bytes_of(const fs::path& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) ? status.st_size : 0;
}

/// Blobs that the snapshots of these commits link to.
std::set<std::string> blobs_of(const HubCache& cache, const std::string& id, const std::vector<std::string>& commits) {
  std::set<std::string> blobs;
  for (const std::string& commit : commits)
    for (const fs::path& file : files_in(cache.snapshot(id, commit), true)) blobs.insert(linked_blob(cache, id, file));
  return blobs;
}

/// The commit meant by a revision or by the beginning of a commit.
std::string commit_meant(const HubCache& cache, const std::string& id, const std::string& revision,
                         const std::vector<std::string>& commits) {
  if (const auto commit = cache.commit_of(id, revision)) return *commit;
  std::vector<std::string> found;
  constexpr size_t kLeast = 7;
  for (const std::string& commit : commits)
    if (revision.size() >= kLeast && commit.starts_with(revision)) found.push_back(commit);
  require(found.size() == 1, "{} has no revision {} here; dure list shows what is", id, quote(revision));
  return found.front();
}

}  // namespace

Removal plan_removal(const HubCache& cache, const std::string& id, const std::optional<std::string>& revision) {
  const fs::path model = cache.model(id);
  std::error_code error;
  require(fs::exists(fs::symlink_status(model, error)), "{} is not here; dure list shows what is", id);
  for (const fs::path& folder : {model, model / "blobs", model / "snapshots", model / "refs"})
    require(!fs::is_symlink(folder, error), "{}: a link; dure removes nothing behind links", folder.string());

  Removal removal{.id = id, .commits = {}, .paths = {}};
  std::vector<std::string> others = list_commits(cache, id);
  if (revision) {
    removal.commits = {commit_meant(cache, id, *revision, others)};
    std::erase(others, removal.commits.front());
  } else {
    removal.commits = std::exchange(others, {});
  }
  if (others.empty()) {
    removal.paths = {model, cache.locks(id)};
    for (const fs::path& file : files_in(model, true)) removal.bytes += bytes_of(file);
    return removal;
  }
  const std::string& commit = removal.commits.front();
  for (const auto& [name, target] : list_refs(cache, id))
    if (target == commit) removal.paths.push_back(model / "refs" / name);
  const fs::path snapshot = cache.snapshot(id, commit);
  require(!fs::is_symlink(snapshot, error), "{}: a link; dure removes nothing behind links", snapshot.string());
  for (const fs::path& file : files_in(snapshot, true)) removal.bytes += bytes_of(file);  // where links were refused
  // What other tools note of a commit.
  removal.paths.insert(removal.paths.end(),
                       {snapshot, model / ".no_exist" / commit, model / "trees" / (commit + ".json")});
  const std::set<std::string> kept = blobs_of(cache, id, others);
  for (const std::string& blob : blobs_of(cache, id, {commit})) {
    if (blob.empty() || kept.contains(blob)) continue;
    removal.paths.push_back(cache.blob(id, blob));
    removal.bytes += bytes_of(removal.paths.back());
  }
  return removal;
}

void remove_model(const HubCache& cache, const Removal& removal) {
  std::vector<FileLock> held;  // until everything is gone
  for (const fs::path& path : files_in(cache.locks(removal.id), false)) {
    if (path.extension() != ".lock") continue;
    FileLock lock;
    require(lock.try_take(path), "{}: another program fetches files of it; nothing was removed", removal.id);
    held.push_back(std::move(lock));
  }
  for (const fs::path& path : removal.paths) {
    std::error_code error;
    fs::remove_all(path, error);  // removes links, never what is behind them
    if (error) fail_to_write(path, error.value());
  }
}

}  // namespace dure
