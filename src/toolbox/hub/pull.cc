#include "toolbox/hub/pull.h"

#include <sys/statvfs.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <set>
#include <thread>

#include "base/error.h"

namespace dure {
namespace {

/// Several threads that take one file after another; the first that fails ends the others.
class Team {
 public:
  Team(const HubOptions& options, const PullPlan& plan, const StopCheck& stop)
      : options_(options), plan_(plan), cache_(options.cache), stop_([this, &stop] { return failed_ || stop(); }) {
    std::set<std::string_view> seen;
    for (const HubFile& file : plan.files)  // one content may have several names
      if (seen.insert(file.digest).second) files_.push_back(&file);
    // Small files first: what is wrong with a model shows before its weights have been fetched.
    constexpr int64_t kSmall = 1 << 20;
    std::stable_partition(files_.begin(), files_.end(), [](const HubFile* f) { return f->size < kSmall; });
    for (const HubFile* f : files_)
      progress_.push_back({f->path, f->size, bytes_here(cache_, plan.name.id, *f), FileProgress::queued, ""});
  }

  void run(const std::function<void(const std::vector<FileProgress>&)>& watch) {
    const size_t count = std::min<size_t>(static_cast<size_t>(std::max(1, options_.jobs)), files_.size());
    std::vector<std::jthread> threads;
    try {
      for (size_t i = 0; i < count; ++i) {
        threads.emplace_back([this] { work(); });
        const std::lock_guard lock(mutex_);
        ++started_;
      }
      while (is_working()) watch(progress());
    } catch (...) {
      failed_ = true;  // or the threads would fetch everything before this is known
      throw;
    }
    threads.clear();
    watch(progress_);
    if (error_) std::rethrow_exception(error_);
  }

 private:
  /// Waits a tenth of a second, or until all have ended.
  bool is_working() {
    std::unique_lock lock(mutex_);
    return !end_.wait_for(lock, std::chrono::milliseconds(100), [this] { return ended_ == started_; });
  }

  std::vector<FileProgress> progress() {
    const std::lock_guard lock(mutex_);
    return progress_;
  }

  void work() {
    try {
      HubSession session(options_, plan_.name, stop_);
      for (size_t i = next_++; i < files_.size(); i = next_++)
        fetch_blob(session, cache_, plan_.commit, *files_[i], stop_, [&, i](const FileProgress& progress) {
          const std::lock_guard lock(mutex_);
          progress_[i] = progress;
        });
    } catch (...) {
      const std::lock_guard lock(mutex_);
      if (!failed_.exchange(true)) error_ = std::current_exception();
    }
    const std::lock_guard lock(mutex_);
    ++ended_;
    end_.notify_all();
  }

  const HubOptions& options_;
  const PullPlan& plan_;
  HubCache cache_;
  StopCheck stop_;
  std::vector<const HubFile*> files_;
  std::atomic<size_t> next_ = 0;
  std::atomic<bool> failed_ = false;

  std::mutex mutex_;  // guards what follows
  std::condition_variable end_;
  std::vector<FileProgress> progress_;  // of files_
  size_t started_ = 0, ended_ = 0;      // threads
  std::exception_ptr error_;
};

/// "Q4_K_M" and its like, which other programs take after the colon.
bool looks_like_quantisation(const std::string& revision) {
  return matches_glob(revision, "[QqFf][0-9]*") || matches_glob(revision, "[Ii][Qq][0-9]*") ||
         matches_glob(revision, "[Bb][Ff]16") || matches_glob(revision, "*.gguf");
}

/// Throws Error if there is nothing to fetch, or, where nobody chose the files, nothing that dure could run.
void require_useful(const PullPlan& plan, const PullRequest& request, size_t all) {
  const auto is_weight = [](const HubFile& f) { return f.path.ends_with(".safetensors") || f.path.ends_with(".gguf"); };
  require(!plan.files.empty(), "{}: none of its {} files is chosen by these patterns", plan.name.text(), all);
  require(!request.include.empty() || std::any_of(plan.files.begin(), plan.files.end(), is_weight),
          "{}: no safetensors and no GGUF among its {} files, which dure would need (--include fetches others)",
          plan.name.text(), all);
}

/// Counts what is here and what is not. Sizes come from outside: their sum must not overflow.
void measure(PullPlan& plan, const HubCache& cache) {
  constexpr int64_t kMaxBytes = int64_t{1} << 56;
  std::set<std::string_view> seen;
  for (const HubFile& f : plan.files) {
    plan.here.push_back(bytes_here(cache, plan.name.id, f));
    plan.complete = plan.complete && is_here(cache, plan.name.id, f);
    if (!seen.insert(f.digest).second) continue;
    plan.total += f.size;
    plan.missing += f.size - plan.here.back();
    require(plan.total <= kMaxBytes, "{}: the sizes of its files cannot be true", plan.name.text());
  }
}

}  // namespace

PullPlan plan_pull(const HubOptions& options, const PullRequest& request, const StopCheck& stop,
                   const PauseNotice& on_pause) {
  const HubCache cache(options.cache);
  const HubName& name = request.name;
  HubSession session(options, name, stop);
  session.on_pause = on_pause;
  PullPlan plan;
  plan.name = name;
  try {
    plan.commit = find_commit(session);
  } catch (const Error& e) {
    if (!looks_like_quantisation(name.revision)) throw;
    fail("{} (after ':' stands a revision; a quantisation is chosen with --include '*{}*')", e.what(), name.revision);
  }
  plan.snapshot = cache.snapshot(name.id, plan.commit);
  const std::vector<HubFile> all = list_files(session, plan.commit);
  Selection selection = select_files(all, request.include, request.exclude);
  plan.files = std::move(selection.files);
  plan.choices = std::move(selection.choices);
  if (plan.choices.empty()) require_useful(plan, request, all.size());
  measure(plan, cache);
  return plan;
}

void run_pull(const HubOptions& options, const PullPlan& plan, const StopCheck& stop,
              const std::function<void(const std::vector<FileProgress>&)>& watch) {
  const HubCache cache(options.cache);
  const std::string& id = plan.name.id;
  // A cache that has everything may be one that cannot be written.
  if (!plan.complete || !std::filesystem::exists(plan.snapshot)) cache.make_folders(id);
  if (!plan.complete) Team(options, plan, stop).run(watch);
  for (const HubFile& file : plan.files) cache.link(id, plan.commit, file.path, file.digest);
  cache.write_ref(id, plan.name.revision, plan.commit);
}

int64_t free_bytes(std::filesystem::path path) {
  struct statvfs status {};
  while (::statvfs(path.c_str(), &status) != 0) {
    if (!path.has_relative_path()) return -1;
    path = path.parent_path();
  }
  if (status.f_blocks == 0) return -1;
  return static_cast<int64_t>(status.f_bavail) * static_cast<int64_t>(status.f_frsize);
}

}  // namespace dure
