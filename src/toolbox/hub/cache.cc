#include "toolbox/hub/cache.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ostream>

#include "base/error.h"
#include "base/file.h"
#include "toolbox/hub/name.h"

namespace dure {
namespace {

namespace fs = std::filesystem;

// What programs look for, by the specification of CACHEDIR.TAG (bford.info/cachedir).
constexpr const char* kTag = "Signature: 8a477f597d28d172789f06886806bc55\n";

void make_folder(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) fail_to_write(path, error.value());
}

std::string folder_name(const std::string& id) {
  std::string name = "models--" + id;
  name.replace(name.find('/'), 1, "--");
  return name;
}

}  // namespace

fs::path HubCache::model(const std::string& id) const { return root_ / folder_name(id); }
fs::path HubCache::blob(const std::string& id, const std::string& digest) const { return model(id) / "blobs" / digest; }
fs::path HubCache::partial(const std::string& id, const std::string& digest) const {
  return blob(id, digest + ".incomplete");
}
fs::path HubCache::snapshot(const std::string& id, const std::string& commit) const {
  return model(id) / "snapshots" / commit;
}
fs::path HubCache::locks(const std::string& id) const { return root_ / ".locks" / folder_name(id); }
fs::path HubCache::lock(const std::string& id, const std::string& digest) const {
  return locks(id) / (digest + ".lock");
}

std::optional<std::string> HubCache::commit_of(const std::string& id, const std::string& revision) const {
  std::error_code ignored;
  std::string commit = revision;
  if (!is_hex_digest(revision, 40)) {
    const fs::path ref = model(id) / "refs" / revision;
    if (!fs::is_regular_file(ref, ignored)) return std::nullopt;
    constexpr size_t kMaxRef = 4096;
    commit = read_file(ref, kMaxRef);
    while (!commit.empty() && (commit.back() == '\n' || commit.back() == '\r')) commit.pop_back();
  }
  if (!is_hex_digest(commit, 40) || !fs::is_directory(snapshot(id, commit), ignored)) return std::nullopt;
  return commit;
}

void HubCache::write_ref(const std::string& id, const std::string& revision, const std::string& commit) const {
  if (revision == commit || commit_of(id, revision) == commit) return;
  const fs::path ref = model(id) / "refs" / revision;
  make_folder(ref.parent_path());
  write_file_atomically(ref, [&](std::ostream& out) { out << commit; });
}

void HubCache::link(const std::string& id, const std::string& commit, const std::string& path,
                    const std::string& digest) const {
  const fs::path at = snapshot(id, commit) / path;
  const fs::path target = blob(id, digest).lexically_relative(at.parent_path());
  std::error_code ignored;
  if (fs::read_symlink(at, ignored) == target) return;
  make_folder(at.parent_path());
  const fs::path temporary = at.parent_path() / fmt::format(".{}.{}", digest, ::getpid());
  ::unlink(temporary.c_str());
  if (::symlink(target.c_str(), temporary.c_str()) != 0) fail_to_write(temporary, errno);
  if (::rename(temporary.c_str(), at.c_str()) != 0) {
    const int error = errno;
    ::unlink(temporary.c_str());
    fail_to_write(at, error);
  }
}

void HubCache::make_folders(const std::string& id) const {
  for (const char* name : {"blobs", "refs", "snapshots"}) make_folder(model(id) / name);
  make_folder(locks(id));
  const fs::path tag = root_ / "CACHEDIR.TAG";
  std::error_code ignored;
  if (!fs::exists(tag, ignored)) write_file_atomically(tag, [](std::ostream& out) { out << kTag; });
}

void fail_to_write(const fs::path& path, int error) {
  const char* reason = std::strerror(error);
  if (error == ENOSPC || error == EDQUOT || error == EFBIG) fail("{}: {}: make room there", path.string(), reason);
  if (error == EROFS || error == EACCES || error == EPERM)
    fail("{}: cannot write: {} (HF_HUB_CACHE names another folder for models)", path.string(), reason);
  fail("{}: cannot write: {}", path.string(), reason);
}

}  // namespace dure
