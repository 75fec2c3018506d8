#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "toolbox/hub/transfer.h"

namespace dure {

/// A public file that a recipe needs, by what can never change: repository, commit, path, size and SHA-256.
struct DataFile {
  std::string repository;  ///< OWNER/NAME
  std::string commit;      ///< 40 hexadecimal digits
  std::string path;        ///< in the repository; is_safe_path()
  int64_t size = 0;
  std::string sha256;
  std::string licence;
  std::string as;   ///< how it becomes records (train/data/import_records.h); empty: it is kept as it is
  std::string out;  ///< name of the file of records

  /// Where it lies below the folder of the data, and below a local copy.
  std::filesystem::path local() const { return std::filesystem::path(repository) / path; }
};

/// {"files": [{"repository", "commit", "path", "size", "sha256", "licence", "as", "out"}]}.
/// Throws Error naming the file and the field.
std::vector<DataFile> parse_data_manifest(std::string_view json, std::string_view source);

struct DataFetchOptions {
  std::filesystem::path into;
  std::filesystem::path data;  ///< a local copy to take files from; empty: the server
  std::string server = "https://raw.githubusercontent.com";
  int retries = 5;
};

/// Brings the files below options.into, each at its local(), and holds each to its SHA-256. Those that are there are
/// checked and not fetched again; what an ended run left goes on.
/// Throws Error naming the first file that cannot be had or has another content; HttpStopped.
void fetch_data_files(const std::vector<DataFile>& files, const DataFetchOptions& options, const StopCheck& stop,
                      const ProgressUpdate& update);

}  // namespace dure
