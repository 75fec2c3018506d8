#include "server/application.h"

#include <thread>

#include "base/version.h"
#include "server/api/endpoints.h"
#include "server/api/server_context.h"
#include "server/http/static_files.h"
#include "server/ui/ui_routes.h"

namespace dure {
namespace {

Router make_router(ServerContext& context, const ApplicationOptions& options) {
  Router router;
  add_api_routes(router, context);
  UiOptions ui;
  ui.version = kVersion;
  ui.auth = !options.http.access.keys.empty();
  if (!options.conversations.empty())
    ui.store = std::make_shared<ConversationStore>(ConversationStore::Options{.path = options.conversations});
  add_ui_routes(router, ui);
  add_static_files(router, web_bundle());
  return router;
}

}  // namespace

struct Application::Impl {
  explicit Impl(ApplicationOptions o)
      : preload(o.preload && !o.models.models.empty()),
        context{pool, stats, o.limits},
        pool(with_runner(std::move(o.models))),
        server(o.http, make_router(context, o)) {}
  ~Impl() {
    if (loader.joinable()) loader.join();
  }

  ModelPoolOptions with_runner(ModelPoolOptions models) {
    models.run = [this](std::function<void()> task) { server.post(std::move(task)); };
    return models;
  }

  bool preload;
  ServerStats stats;
  ServerContext context;
  ModelPool pool;     // its requests tell the two above of their end
  HttpServer server;  // before the rest goes, no handler runs any more
  std::thread loader;
};

Application::Application(ApplicationOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Application::~Application() = default;

void Application::start(std::function<void(std::exception_ptr)> loaded) {
  impl_->server.start();
  if (!impl_->preload) return;
  impl_->loader = std::thread([this, loaded = std::move(loaded)] {
    std::exception_ptr error;
    try {
      impl_->pool.acquire("");
    } catch (...) {
      error = std::current_exception();
    }
    if (loaded) loaded(error);
  });
}

std::string Application::url() const { return impl_->server.url(); }
void Application::stop(std::chrono::milliseconds grace) { impl_->server.stop(grace); }
ModelPool& Application::models() { return impl_->pool; }

}  // namespace dure
