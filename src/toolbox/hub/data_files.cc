#include "toolbox/hub/data_files.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <set>

#include "base/error.h"
#include "base/json.h"
#include "toolbox/client/url.h"
#include "toolbox/hub/digest.h"
#include "toolbox/hub/lock.h"
#include "toolbox/hub/partial_file.h"

namespace dure {
namespace {

namespace fs = std::filesystem;

DataFile parse_file(const Json& json, const std::string& where) {
  require(json.is_object(), "{}: expected an object", where);
  for (const auto& [name, value] : json.items()) {
    constexpr std::array kKnown = {"repository", "commit", "path", "size", "sha256", "licence", "as", "out"};
    require(std::find(kKnown.begin(), kKnown.end(), name) != kKnown.end(), "{}: field '{}' is not known", where, name);
  }
  const auto text = [&](const char* name, bool needed) {
    if (!needed && !json.contains(name)) return std::string();
    require(json.contains(name) && json[name].is_string(), "{}: field '{}': expected a text", where, name);
    return json[name].get<std::string>();
  };
  DataFile file{text("repository", true), text("commit", true),  text("path", true), 0,
                text("sha256", true),     text("licence", true), text("as", false),  text("out", false)};
  constexpr int64_t kMaxSize = int64_t{1} << 40;
  require(json.contains("size") && json["size"].is_number_integer(), "{}: field 'size': expected bytes", where);
  file.size = json["size"].get<int64_t>();
  require(file.size >= 0 && file.size <= kMaxSize, "{}: field 'size': {} cannot be true", where, file.size);
  require(is_hub_id(file.repository), "{}: field 'repository': expected OWNER/NAME", where);
  require(is_hex_digest(file.commit, 40), "{}: field 'commit': expected 40 hexadecimal digits", where);
  require(is_safe_path(file.path), "{}: field 'path': expected a path below the repository", where);
  require(is_hex_digest(file.sha256, 64), "{}: field 'sha256': expected 64 hexadecimal digits", where);
  require(file.as.empty() == file.out.empty(), "{}: 'as' and 'out' belong together", where);
  require(file.out.empty() || (is_safe_path(file.out) && file.out.find('/') == file.out.npos),
          "{}: field 'out': expected the name of a file", where);
  return file;
}

/// Whether a file is there and has the content that the manifest names.
bool is_right(const fs::path& path, const DataFile& file) {
  std::error_code error;
  if (!fs::is_regular_file(path, error) || fs::file_size(path, error) != static_cast<uintmax_t>(file.size))
    return false;
  ContentDigest digest(file.sha256, file.size);
  std::ifstream in(path, std::ios::binary);
  for (std::vector<char> block(1 << 16); in;) {
    in.read(block.data(), static_cast<std::streamsize>(block.size()));
    digest.update({block.data(), static_cast<size_t>(in.gcount())});
  }
  return in.eof() && digest.matches();
}

/// From a local copy: the same way as from a server, so that a wrong file never gets its name.
void copy_checked(const fs::path& from, const DataFile& file, const HubFile& hub_file, const fs::path& whole) {
  std::ifstream in(from, std::ios::binary);
  require(in.good(), "{}: not in the local copy", from.string());
  std::error_code error;
  require(fs::file_size(from, error) == static_cast<uintmax_t>(file.size) && !error,
          "{}: has not the size {} of the manifest", from.string(), file.size);
  fs::path name = whole;
  PartialFile partial(name += ".partial", hub_file);
  partial.restart();
  for (std::vector<char> block(1 << 16); in;) {
    in.read(block.data(), static_cast<std::streamsize>(block.size()));
    partial.append({block.data(), static_cast<size_t>(in.gcount())});
  }
  if (partial.finish(whole)) return;
  partial.restart();
  fail("{}: has not the SHA-256 {} of the manifest", from.string(), file.sha256);
}

}  // namespace

std::vector<DataFile> parse_data_manifest(std::string_view text, std::string_view source) {
  const Json json = parse_json(text, source);
  require(json.is_object() && json.contains("files") && json["files"].is_array(), "{}: expected a list 'files'",
          source);
  std::vector<DataFile> files;
  std::set<std::string> names;
  for (const Json& entry : json["files"]) {
    files.push_back(parse_file(entry, fmt::format("{}: file {}", source, files.size() + 1)));
    require(names.insert(files.back().local().string()).second, "{}: {} stands there twice", source,
            files.back().local().string());
    require(files.back().out.empty() || names.insert(files.back().out).second, "{}: 'out' {} stands there twice",
            source, files.back().out);
  }
  return files;
}

void fetch_data_files(const std::vector<DataFile>& files, const DataFetchOptions& options, const StopCheck& stop,
                      const ProgressUpdate& update) {
  std::error_code error;
  fs::create_directories(options.into, error);
  require(!error, "{}: {}", options.into.string(), error.message());
  FileLock lock;
  require(lock.try_take(options.into / ".fetch.lock"), "{}: another program fetches data into it",
          options.into.string());
  HubOptions server;
  server.endpoint = options.server;
  server.retries = options.retries;
  for (const DataFile& file : files) {
    const fs::path whole = options.into / file.local();
    const HubFile hub_file{file.local().string(), file.size, file.sha256};
    if (!is_right(whole, file)) {
      fs::create_directories(whole.parent_path(), error);
      require(!error, "{}: {}", whole.parent_path().string(), error.message());
      if (!options.data.empty()) {
        copy_checked(options.data / file.local(), file, hub_file, whole);
      } else {
        HubSession session(server, {file.repository, file.commit}, stop);
        fs::path partial = whole;
        partial += ".partial";
        const std::string url =
            fmt::format("{}/{}/{}/{}", options.server, file.repository, file.commit, percent_encode(file.path, "/"));
        fetch_file(session,
                   {url, hub_file, partial, whole, "the manifest",
                    [&](const HubSession::Reply& r) { fail("{}: {}", url, r.what()); }},
                   stop, update);
      }
    }
    update({hub_file.path, file.size, file.size, FileProgress::finished, {}});
  }
}

}  // namespace dure
