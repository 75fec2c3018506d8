#pragma once

#include <optional>
#include <string>
#include <vector>

#include "toolbox/hub/cache.h"

namespace dure {

/// What `rm` would take away.
struct Removal {
  std::string id;
  std::vector<std::string> commits;          ///< snapshots that go
  std::vector<std::filesystem::path> paths;  ///< files and folders that go, in this order
  int64_t bytes = 0;                         ///< that become free
};

/// Everything of a model; or one revision of it: the snapshot, the refs that stand for it and the blobs that no other
/// snapshot links to (with the last snapshot, everything).
/// Throws Error if that is not here, or if its folders are links, which are never followed.
Removal plan_removal(const HubCache& cache, const std::string& id, const std::optional<std::string>& revision);

/// Throws Error if another program fetches files of the model now, or if something cannot be removed.
void remove_model(const HubCache& cache, const Removal& removal);

}  // namespace dure
