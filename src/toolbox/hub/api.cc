#include "toolbox/hub/api.h"

#include <algorithm>
#include <set>

#include "base/error.h"
#include "base/json.h"
#include "toolbox/client/url.h"

namespace dure {
namespace {

constexpr size_t kMaxAnswer = size_t{32} << 20, kMaxFiles = 100'000, kMaxPages = 1000;
constexpr int64_t kMaxFileBytes = int64_t{1} << 50;

std::string api_url(const HubSession& session, const std::string& what) {
  return fmt::format("{}/api/models/{}/{}", session.options().endpoint, session.name().id, what);
}

const Json& member(const Json& object, const char* key, std::string_view source) {
  const auto found = object.find(key);
  require(found != object.end(), "{}: no field '{}'", source, key);
  return *found;
}

std::string text_member(const Json& object, const char* key, std::string_view source) {
  const Json& value = member(object, key, source);
  require(value.is_string(), "{}: field '{}': expected a string", source, key);
  return value.get<std::string>();
}

HubFile parse_file(const Json& entry, std::string_view source) {
  HubFile file;
  file.path = text_member(entry, "path", source);
  require(is_safe_path(file.path), "{}: a file name that could lead elsewhere: {}", source, quote(file.path));
  const auto lfs = entry.find("lfs");
  const bool large = lfs != entry.end() && !lfs->is_null();
  require(!large || lfs->is_object(), "{}: {}: field 'lfs': expected an object", source, file.path);
  const Json& stored = large ? *lfs : entry;
  const Json& size = member(stored, "size", source);
  require(size.is_number_unsigned() && size.get<uint64_t>() <= uint64_t{kMaxFileBytes},
          "{}: {}: field 'size': expected a number of bytes", source, file.path);
  file.size = size.get<int64_t>();
  file.digest = text_member(stored, "oid", source);
  if (file.digest.starts_with("sha256:")) file.digest.erase(0, 7);
  require(is_hex_digest(file.digest, large ? 64 : 40), "{}: {}: field 'oid': expected a {} digest", source, file.path,
          large ? "SHA-256" : "SHA-1");
  return file;
}

/// Each path once, and none of them a folder of another: both can then exist in one folder.
void require_tree(const std::vector<HubFile>& files, std::string_view source) {
  std::set<std::string_view> paths;
  for (const HubFile& file : files)
    require(paths.insert(file.path).second, "{}: {} is listed twice", source, quote(file.path));
  for (const HubFile& file : files) {
    const std::string_view path = file.path;
    for (size_t slash = path.find('/'); slash != path.npos; slash = path.find('/', slash + 1))
      require(!paths.contains(path.substr(0, slash)), "{}: {} is both a file and a folder", source,
              quote(path.substr(0, slash)));
  }
}

}  // namespace

std::string parse_commit(std::string_view text, std::string_view source) {
  const Json json = parse_json(text, source);
  require(json.is_object(), "{}: expected an object", source);
  std::string commit = text_member(json, "sha", source);
  require(is_hex_digest(commit, 40), "{}: field 'sha': expected a commit, found {}", source, quote(commit));
  return commit;
}

std::vector<HubFile> parse_tree(std::string_view text, std::string_view source) {
  const Json json = parse_json(text, source);
  require(json.is_array() && json.size() <= kMaxFiles, "{}: expected an array of files", source);
  std::vector<HubFile> files;
  for (const Json& entry : json) {
    require(entry.is_object(), "{}: expected an array of objects", source);
    if (text_member(entry, "type", source) == "file") files.push_back(parse_file(entry, source));
  }
  return files;
}

std::string find_commit(HubSession& session) {
  const std::string url = api_url(session, "revision/" + percent_encode(session.name().revision));
  return parse_commit(session.get_text(url, kMaxAnswer), url);
}

std::vector<HubFile> list_files(HubSession& session, const std::string& commit) {
  std::string url = api_url(session, "tree/" + commit + "?recursive=true");
  const std::string source = url;
  std::vector<HubFile> files;
  for (size_t page = 0; !url.empty(); ++page) {
    require(page < kMaxPages, "{}: more than {} pages of files", source, kMaxPages);
    HttpReply reply;
    std::vector<HubFile> more = parse_tree(session.get_text(url, kMaxAnswer, &reply), source);
    require(files.size() + more.size() <= kMaxFiles, "{}: more than {} files", source, kMaxFiles);
    files.insert(files.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
    const std::string next = next_link(reply.header("link"));
    url = next.empty() ? "" : follow_location(url, next);
  }
  require_tree(files, source);
  return files;
}

std::string file_url(const HubSession& session, const std::string& commit, const std::string& path) {
  return fmt::format("{}/{}/resolve/{}/{}", session.options().endpoint, session.name().id, commit,
                     percent_encode(path, "/"));
}

}  // namespace dure
