#pragma once

#include <functional>
#include <string>
#include <vector>

#include "toolbox/hub/select.h"
#include "toolbox/hub/transfer.h"

namespace dure {

/// What a pull would fetch.
struct PullPlan {
  HubName name;
  std::string commit;
  std::vector<HubFile> files;
  bool complete = true;            ///< all files are in the cache, unless somebody removes them meanwhile
  std::vector<int64_t> here;       ///< of each file, bytes that are in the cache
  std::vector<GgufModel> choices;  ///< not empty: somebody must choose one of these first
  std::filesystem::path snapshot;  ///< where the files will be
  int64_t total() const;           ///< bytes of all files
  int64_t missing() const;         ///< bytes that are still to fetch
};

/// Asks the hub; writes nothing. Patterns as for select_files().
/// Throws Error if the hub refuses, is not to be asked (offline), or if no file is chosen; HubStopped.
PullPlan plan_pull(const HubOptions& options, const HubName& name, const std::vector<std::string>& include,
                   const std::vector<std::string>& exclude, const StopCheck& stop);

/// Fetches the files of a plan, options.jobs at a time, and enters them into the cache: the revision stands for the
/// new commit once everything is there. `watch` sees all files about ten times a second, on the calling thread.
/// Throws the first Error of a file, HubStopped; what has arrived stays and another pull goes on there.
void run_pull(const HubOptions& options, const PullPlan& plan, const StopCheck& stop,
              const std::function<void(const std::vector<FileProgress>&)>& watch);

/// Bytes that a file system still takes, of this path or of what is to become it; -1 if it does not say.
int64_t free_bytes(std::filesystem::path path);

}  // namespace dure
