#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "toolbox/hub/session.h"

namespace dure {

/// A file of a model on the hub.
struct HubFile {
  std::string path;    ///< below the model's folder; is_safe_path()
  int64_t size = 0;    ///< bytes
  std::string digest;  ///< SHA-256 of large files (64 digits), SHA-1 of the git blob of small ones (40)
};

/// The commit that GET /api/models/ID/revision/REV names. `source` begins errors.
/// Throws Error if this is no such answer.
std::string parse_commit(std::string_view json, std::string_view source);

/// The files of one page of GET /api/models/ID/tree/COMMIT?recursive=true; folders are left out.
/// Throws Error for an answer of another form, and for paths, sizes and digests that cannot be true.
std::vector<HubFile> parse_tree(std::string_view json, std::string_view source);

/// The commit that the session's revision stands for now.
std::string find_commit(HubSession& session);

/// All files of a commit, in the order of the hub. Throws Error also for lists that no model has: more than 100 000
/// files, one path twice, a file that is a folder of another.
std::vector<HubFile> list_files(HubSession& session, const std::string& commit);

/// Where a file is asked for; the endpoint answers with the file or redirects to it.
std::string file_url(const HubSession& session, const std::string& commit, const std::string& path);

}  // namespace dure
