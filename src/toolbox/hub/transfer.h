#pragma once

#include <functional>
#include <string>

#include "toolbox/hub/api.h"
#include "toolbox/hub/cache.h"

namespace dure {

/// How far one file is.
struct FileProgress {
  enum State {
    queued,
    locked,    ///< another program fetches it
    checking,  ///< what an earlier run left is read
    fetching,
    paused,  ///< `note` says why
    finished
  };
  std::string path;
  int64_t size = 0, done = 0;
  State state = queued;
  std::string note;
};

/// Sees each change of `progress`, on the thread that fetches.
using ProgressUpdate = std::function<void(const FileProgress& progress)>;

/// One file to fetch: where from, and where it lies while it comes and when it is whole.
struct FileToFetch {
  std::string url;
  HubFile file;
  std::filesystem::path partial, whole;
  std::string_view listed_by = "the hub";  ///< who says what digest it has, for errors
  /// Throws an Error that says why a server refuses; by default HubSession::refuse().
  std::function<void(const HubSession::Reply&)> refuse = {};
};

/// Brings one file whole under its name, going on where an earlier attempt ended, and holds it to its digest. One at a
/// time for one name.
/// Throws Error if it cannot be had (what has arrived stays), HttpStopped.
void fetch_file(HubSession& session, const FileToFetch& what, const StopCheck& stop, const ProgressUpdate& update);

/// Brings the content of one file of a commit into the cache, going on where an earlier attempt ended, and holds it to
/// its digest. Done at once if it is there. While another program fetches the same, this waits for it.
/// Throws Error if it cannot be had (what has arrived stays), HttpStopped.
void fetch_blob(HubSession& session, const HubCache& cache, const std::string& commit, const HubFile& file,
                const StopCheck& stop, const ProgressUpdate& update);

/// Whether the whole content is in the cache.
bool is_here(const HubCache& cache, const std::string& id, const HubFile& file);

/// Bytes of a content that are here already: all of it, or those of a partial file.
int64_t bytes_here(const HubCache& cache, const std::string& id, const HubFile& file);

}  // namespace dure
