#include "server/model_pool.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "base/error.h"
#include "server/http/http.h"

namespace dure {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

/// A client has the last byte of its answer a moment before the model is free again.
constexpr auto kLeaseEnds = 500ms;

/// Size and time of a model's files: of the file itself, or of those in its folder.
void describe_files(ModelCard& card) {
  std::error_code ignored;
  std::vector<fs::path> files;
  if (fs::is_directory(card.path, ignored)) {
    for (const fs::directory_entry& e : fs::directory_iterator(card.path, ignored)) files.push_back(e.path());
  } else {
    files.push_back(card.path);
  }
  for (const fs::path& f : files) {
    if (!fs::is_regular_file(f, ignored)) continue;
    card.bytes += static_cast<int64_t>(fs::file_size(f, ignored));
    const auto time = std::chrono::file_clock::to_sys(fs::last_write_time(f, ignored));
    card.modified = std::max<int64_t>(
        card.modified, std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count());
  }
}

bool is_model(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored) ? fs::exists(path / "config.json", ignored) : path.extension() == ".gguf";
}

}  // namespace

struct ModelPool::Impl {
  struct Entry {
    ModelCard card;
    std::shared_ptr<ChatService> service;  // null: not loaded
    bool loading = false;
    std::vector<std::function<void(std::exception_ptr)>> waiting = {};  // for the end of that
    Clock::time_point used = Clock::now();

    bool in_use() const { return service.use_count() > 1; }
    void describe(const ChatService& s) {
      card.max_model_len = s.max_model_len();
      card.vocab_size = s.model().info().vocab_size;
      card.parameters = s.model().info().parameters;
      card.model_type = s.model().info().model_type;
    }
  };

  explicit Impl(ModelPoolOptions o) : options(std::move(o)) {
    for (const ModelEntry& m : options.models) add(m);
    if (options.idle.count() > 0) reaper = std::thread([this] { reap(); });
  }
  ~Impl() {
    {
      const std::lock_guard lock(mutex);
      stopping = true;
    }
    changed.notify_all();
    if (reaper.joinable()) reaper.join();
    // Sinks that hold on to a model go before it, and before whatever they tell of their end.
    for (const auto& e : entries)
      if (e->service != nullptr) e->service->stop();
    for (const auto& l : left)
      if (const auto service = l.lock()) service->stop();
  }

  void add(const ModelEntry& m) {
    auto entry = std::make_unique<Entry>();
    entry->card.id = m.id;
    entry->card.aliases = m.aliases;
    entry->card.path = m.path;
    describe_files(entry->card);
    entries.push_back(std::move(entry));
  }

  /// What came into models_dir since the last look. REQUIRES: the lock.
  void look_around() {
    if (options.models_dir.empty()) return;
    std::error_code error;
    std::vector<fs::path> found;
    for (const fs::directory_entry& e : fs::directory_iterator(options.models_dir, error))
      if (is_model(e.path())) found.push_back(e.path());
    std::ranges::sort(found);
    for (const fs::path& path : found) {
      const std::string id = fs::is_directory(path, error) ? path.filename().string() : path.stem().string();
      if (std::ranges::none_of(entries, [&](const auto& e) { return e->card.id == id; })) add({id, path});
    }
  }

  /// REQUIRES: the lock.
  Entry* find(const std::string& name) {
    for (const auto& e : entries)
      if (e->card.id == name || std::ranges::find(e->card.aliases, name) != e->card.aliases.end()) return e.get();
    return nullptr;
  }

  bool is_adapter(const std::string& name) const {
    return !name.empty() && std::ranges::any_of(options.service.model.load.adapters,
                                                [&](const AdapterChoice& a) { return a.name == name; });
  }

  /// Unloads whom nobody uses until there is room for one more. False if all are in use. REQUIRES: the lock.
  bool make_room(std::vector<std::shared_ptr<ChatService>>& leaving) {
    for (;;) {
      int loaded = 0;
      Entry* oldest = nullptr;
      for (const auto& e : entries) {
        loaded += e->service != nullptr || e->loading;
        if (e->service != nullptr && !e->in_use() && (oldest == nullptr || e->used < oldest->used)) oldest = e.get();
      }
      if (loaded < std::max(options.max_loaded, 1)) return true;
      if (oldest == nullptr) return false;
      leaving.push_back(std::move(oldest->service));
      oldest->service = nullptr;
    }
  }

  void run(std::function<void()> task) const {
    if (options.run)
      options.run(std::move(task));
    else
      task();
  }

  void reap() {
    std::unique_lock lock(mutex);
    while (!stopping) {
      changed.wait_for(lock, std::chrono::seconds(1));
      std::vector<std::shared_ptr<ChatService>> leaving;
      for (const auto& e : entries) {
        if (e->service == nullptr) continue;
        if (e->in_use()) e->used = Clock::now();
        if (Clock::now() - e->used > options.idle) leaving.push_back(std::exchange(e->service, nullptr));
      }
      lock.unlock();
      leaving.clear();
      lock.lock();
    }
  }

  ModelPoolOptions options;
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::unique_ptr<Entry>> entries;
  std::vector<std::weak_ptr<ChatService>> left;  // unloaded, but perhaps still in use
  std::thread reaper;
  bool stopping = false;
};

ModelPool::ModelPool(ModelPoolOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
ModelPool::~ModelPool() = default;

std::vector<ModelCard> ModelPool::list() const {
  const std::lock_guard lock(impl_->mutex);
  impl_->look_around();
  std::vector<ModelCard> cards;
  for (const auto& e : impl_->entries) {
    cards.push_back(e->card);
    cards.back().loaded = e->service != nullptr;
  }
  const size_t models = cards.size();
  for (const AdapterChoice& a : impl_->options.service.model.load.adapters) {
    if (a.name.empty() || models == 0) continue;
    ModelCard card = cards.front();
    card.base = std::exchange(card.id, a.name);
    card.aliases.clear();
    card.path = a.folder;
    cards.push_back(std::move(card));
  }
  return cards;
}

ModelLease ModelPool::acquire(const std::string& name, bool wait) {
  std::vector<std::shared_ptr<ChatService>> leaving;  // outlives the lock: it takes a while to let a model go
  std::unique_lock lock(impl_->mutex);
  Impl::Entry* entry = impl_->find(name);
  std::string adapter;
  if (entry == nullptr && !impl_->entries.empty() && impl_->is_adapter(name)) {
    entry = impl_->entries.front().get();
    adapter = name;
  }
  if (entry == nullptr) {
    impl_->look_around();
    entry = impl_->find(name);
  }
  if (entry == nullptr && (name.empty() || impl_->options.any_model) && !impl_->entries.empty())
    entry = impl_->entries.front().get();
  if (entry == nullptr)
    throw HttpError(404, "invalid_request_error", "model_not_found",
                    fmt::format("there is no model {}; GET /v1/models lists them", quote(name)), "model");

  const Clock::time_point start = Clock::now();
  const auto lease = [&](std::shared_ptr<ChatService> service) {
    const std::string& id = adapter.empty() ? entry->card.id : adapter;
    return ModelLease{std::move(service), id, adapter, std::chrono::duration<double>(Clock::now() - start).count()};
  };
  for (;;) {
    if (entry->loading && !wait) throw ModelLoading{entry->card.id};
    impl_->changed.wait(lock, [&] { return !entry->loading; });
    if (entry->service != nullptr || impl_->make_room(leaving)) break;
    if (Clock::now() - start > kLeaseEnds)
      throw HttpError(503, "server_error", "overloaded",
                      fmt::format("{} is not loaded, and those that are loaded are in use", quote(entry->card.id)),
                      "model", {{"retry-after", "5"}});
    impl_->changed.wait_for(lock, 10ms);
  }
  if (entry->service == nullptr) {
    entry->loading = true;
    lock.unlock();
    leaving.clear();  // their memory first
    std::shared_ptr<ChatService> service;
    std::exception_ptr error;
    try {
      ServiceOptions o = impl_->options.service;
      o.model.path = entry->card.path;
      service = std::make_shared<ChatService>(o);
    } catch (...) {
      error = std::current_exception();
    }
    lock.lock();
    entry->loading = false;
    entry->service = service;
    if (service != nullptr) entry->describe(*service);
    entry->used = Clock::now();
    impl_->changed.notify_all();
    const auto waiting = std::exchange(entry->waiting, {});
    lock.unlock();
    for (const auto& then : waiting) impl_->run([then, error] { then(error); });
    if (error != nullptr) std::rethrow_exception(error);
    return lease(std::move(service));
  }
  entry->used = Clock::now();
  return lease(entry->service);
}

void ModelPool::when_loaded(const std::string& id, std::function<void(std::exception_ptr)> then) {
  {
    const std::lock_guard lock(impl_->mutex);
    Impl::Entry* entry = impl_->find(id);
    if (entry != nullptr && entry->loading) {
      if (entry->waiting.size() >= static_cast<size_t>(impl_->options.service.engine.max_num_waiting))
        throw HttpError(
            503, "server_error", "overloaded",
            fmt::format("{} is being loaded, and {} requests wait for it", quote(id), entry->waiting.size()), "model",
            {{"retry-after", "5"}, {"x-should-retry", "false"}});
      entry->waiting.push_back(std::move(then));
      return;
    }
  }
  then(nullptr);
}

bool ModelPool::ready() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->entries.empty() || !impl_->entries.front()->loading;
}

std::vector<ModelPool::Busy> ModelPool::busy() const {
  const std::lock_guard lock(impl_->mutex);
  const EngineOptions& e = impl_->options.service.engine;
  std::vector<Busy> busy;
  for (const auto& entry : impl_->entries)
    if (entry->service != nullptr)
      busy.push_back({entry->card.id, entry->service->stats(), e.max_num_seqs, e.max_num_waiting});
  return busy;
}

void ModelPool::unload(const std::string& id) {
  std::shared_ptr<ChatService> leaving;
  const std::lock_guard lock(impl_->mutex);
  if (Impl::Entry* entry = impl_->find(id)) leaving = std::exchange(entry->service, nullptr);
  std::erase_if(impl_->left, [](const auto& l) { return l.expired(); });
  impl_->left.push_back(leaving);
}

}  // namespace dure
