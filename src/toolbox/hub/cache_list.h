#pragma once

#include <cstdint>
#include <ctime>
#include <string>
#include <vector>

#include "toolbox/hub/cache.h"

namespace dure {

/// One snapshot in the cache, or what an unfinished fetch has left of a model.
struct CachedModel {
  std::string id;                 ///< OWNER/NAME
  std::string commit;             ///< empty: unfinished
  std::vector<std::string> refs;  ///< revisions that stand for this commit
  std::string kind;               ///< "safetensors", "GGUF", "other" or "unfinished"
  int64_t bytes = 0;              ///< of its files; a content that two snapshots share counts in both
  std::time_t fetched = 0;        ///< when its newest file came
  std::filesystem::path path;
};

/// What the cache holds, by name. Links that lead out of a model's blobs are not followed and count nothing.
std::vector<CachedModel> list_models(const HubCache& cache);

/// Bytes on disk of all models, each content once.
int64_t bytes_on_disk(const HubCache& cache);

/// Where a link of a snapshot leads: the name of a blob of the same model; empty if it is no such link.
std::string linked_blob(const HubCache& cache, const std::string& id, const std::filesystem::path& link);

/// Files below a folder, links not followed; empty if there is no such folder. `deep`: in its folders too.
std::vector<std::filesystem::path> files_in(const std::filesystem::path& folder, bool deep);

/// Revisions of a model that are noted in the cache, each with its commit.
std::vector<std::pair<std::string, std::string>> list_refs(const HubCache& cache, const std::string& id);

/// Commits whose snapshots are here, sorted.
std::vector<std::string> list_commits(const HubCache& cache, const std::string& id);

}  // namespace dure
