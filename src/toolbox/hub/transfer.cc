#include "toolbox/hub/transfer.h"

#include <algorithm>
#include <charconv>
#include <thread>

#include "base/error.h"
#include "toolbox/hub/lock.h"
#include "toolbox/hub/partial_file.h"

namespace dure {
namespace {

// Servers in front of large files refuse more than 50 GB at once; a longer file is asked for in pieces.
constexpr int64_t kMaxPiece = int64_t{32} << 30;

/// Size of a file that is there; -1 if none is.
int64_t size_of(const std::filesystem::path& path) {
  std::error_code error;
  const auto size = std::filesystem::file_size(path, error);
  return error ? -1 : static_cast<int64_t>(size);
}

/// Whether "bytes 100-199/200" begins where it was asked to and belongs to a file of that size ("*": unknown).
bool is_range(std::string_view text, int64_t begin, int64_t size) {
  if (!text.starts_with("bytes ")) return false;
  text.remove_prefix(6);
  int64_t at = -1, total = size;
  std::from_chars(text.data(), text.data() + text.size(), at);
  const std::string_view whole = text.substr(std::min(text.find('/'), text.size() - 1) + 1);
  if (whole != "*") std::from_chars(whole.data(), whole.data() + whole.size(), total);
  return at == begin && total == size;
}

/// The attempts at one file.
class Transfer {
 public:
  Transfer(HubSession& session, const FileToFetch& what, PartialFile& partial,
           std::function<void(FileProgress::State)> step)
      : session_(session), what_(what), file_(what.file), partial_(partial), step_(std::move(step)) {}

  /// Until the file is whole. True if it came in one piece, so that only the server can have made it wrong.
  bool run() {
    bool one_piece = partial_.size() == 0;
    int64_t best = partial_.size();
    for (int attempt = 0; !partial_.is_whole(); ++attempt) {
      one_piece = one_piece && attempt == 0;
      HubSession::Reply reply = attempt_once();
      // Only what no attempt has reached counts, or a server without ranges could be asked for ever.
      const bool further = partial_.size() > best;
      if (further) session_.progressed();
      best = std::max(best, partial_.size());
      if (partial_.is_whole() || (further && reply.ok())) continue;
      if (misfit_ || reply.status == 416) {
        partial_.restart();
        reply.problem = "the server does not send the rest that was asked for";
      } else if (reply.ok()) {
        reply.problem = "the answer ends too early";
      } else if (!reply.may_pass() && (session_.is_endpoint(reply) || reply.status == 0)) {
        if (what_.refuse) what_.refuse(reply);
        session_.refuse(file_.path, reply);
      }
      // Other refusals of another host pass: its signed URL has run out, and the endpoint gives a new one.
      session_.pause(file_.path, reply);
    }
    return one_piece;
  }

 private:
  HubSession::Reply attempt_once() {
    const int64_t begin = partial_.size();
    misfit_ = false;
    HttpCall get{what_.url, {}, {}, [&](std::string_view bytes) {
                   partial_.append(bytes);
                   step_(FileProgress::fetching);
                 }};
    if (begin > 0 || file_.size > kMaxPiece)
      get.headers.push_back(fmt::format("Range: bytes={}-{}", begin, std::min(begin + kMaxPiece, file_.size) - 1));
    if (begin > 0 && !etag_.empty()) get.headers.push_back("If-Range: " + etag_);
    step_(FileProgress::fetching);
    return session_.get(std::move(get), [&](const HubSession::Reply& reply) { return accept(reply, begin); });
  }

  bool accept(const HubSession::Reply& reply, int64_t begin) {
    if (!reply.ok()) return false;
    require(reply.linked_etag.size() != file_.digest.size() || reply.linked_etag == file_.digest,
            "{}: the hub now has another content than it lists; try again later", file_.path);
    const bool part = reply.status == 206;
    misfit_ = part && !is_range(reply.header("content-range"), begin, file_.size);
    if (misfit_) return false;
    if (!part && begin > 0) partial_.restart();  // the server knows no ranges, or its content has changed
    const std::string etag = reply.header("etag");
    etag_ = etag.starts_with('"') ? etag : "";  // If-Range takes strong ones only
    return true;
  }

  HubSession& session_;
  const FileToFetch& what_;
  const HubFile& file_;
  PartialFile& partial_;
  std::function<void(FileProgress::State)> step_;
  std::string etag_;     // of the server that sent the last piece
  bool misfit_ = false;  // the last answer was a range that was not asked for
};

}  // namespace

void fetch_file(HubSession& session, const FileToFetch& what, const StopCheck& stop, const ProgressUpdate& update) {
  FileProgress progress{what.file.path, what.file.size, 0, FileProgress::queued, {}};
  const auto show = [&](FileProgress::State state, int64_t done, std::string note = "") {
    progress.state = state;
    progress.done = done;
    progress.note = std::move(note);
    update(progress);
  };
  PartialFile partial(what.partial, what.file);
  const auto step = [&](FileProgress::State state) {
    show(state, partial.size());
    if (stop()) throw HttpStopped{};
  };
  session.on_pause = [&](const std::string& why, std::chrono::seconds pause) {
    show(FileProgress::paused, partial.size(), fmt::format("{}; again in {} s", why, pause.count()));
  };
  partial.read_back([&] { step(FileProgress::checking); });
  Transfer transfer(session, what, partial, step);
  bool last = transfer.run();
  while (!partial.finish(what.whole)) {
    partial.restart();
    require(!last, "{}: what arrives does not have the digest that {} lists; none of it is kept", what.file.path,
            what.listed_by);
    last = true;
    transfer.run();
  }
  session.on_pause = {};  // what it shows ends here
  show(FileProgress::finished, what.file.size);
}

void fetch_blob(HubSession& session, const HubCache& cache, const std::string& commit, const HubFile& file,
                const StopCheck& stop, const ProgressUpdate& update) {
  const std::string& id = session.name().id;
  FileLock lock;
  while (!lock.try_take(cache.lock(id, file.digest))) {
    update({file.path, file.size, std::max<int64_t>(0, bytes_here(cache, id, file)), FileProgress::locked, {}});
    if (stop()) throw HttpStopped{};
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  }
  if (is_here(cache, id, file)) return update({file.path, file.size, file.size, FileProgress::finished, {}});
  fetch_file(session,
             {file_url(session, commit, file.path), file, cache.partial(id, file.digest), cache.blob(id, file.digest)},
             stop, update);
}

bool is_here(const HubCache& cache, const std::string& id, const HubFile& file) {
  return size_of(cache.blob(id, file.digest)) == file.size;
}

int64_t bytes_here(const HubCache& cache, const std::string& id, const HubFile& file) {
  if (is_here(cache, id, file)) return file.size;
  return std::clamp<int64_t>(size_of(cache.partial(id, file.digest)), 0, file.size);
}

}  // namespace dure
