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
  std::vector<HubModel> choices;   ///< not empty: somebody must choose one of these first
  std::filesystem::path snapshot;  ///< where the files will be
  int64_t total = 0;               ///< bytes of all contents; two names of one content count once
  int64_t missing = 0;             ///< bytes of them that are still to fetch
};

/// What somebody asks for; the patterns are those of select_files().
struct PullRequest {
  HubName name;
  std::vector<std::string> include, exclude;
};

/// Asks the hub; writes nothing. `on_pause` sees why and how long the hub lets wait.
/// Throws Error if the hub refuses, or if no file is chosen; HttpStopped.
PullPlan plan_pull(const HubOptions& options, const PullRequest& request, const StopCheck& stop,
                   const PauseNotice& on_pause = {});

/// Fetches the files of a plan, options.jobs at a time, and enters them into the cache: the revision stands for the
/// new commit once everything is there. `watch` sees all files about ten times a second, on the calling thread.
/// Throws the first Error of a file, HttpStopped; what has arrived stays and another pull goes on there.
void run_pull(const HubOptions& options, const PullPlan& plan, const StopCheck& stop,
              const std::function<void(const std::vector<FileProgress>&)>& watch);

/// Bytes that a file system still takes, of this path or of what is to become it; -1 if it does not say.
int64_t free_bytes(std::filesystem::path path);

}  // namespace dure
