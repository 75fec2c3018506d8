#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "server/api/openai_request.h"
#include "server/http/http_server.h"
#include "server/model_pool.h"

namespace dure {

struct ApplicationOptions {
  HttpServerOptions http;
  ModelPoolOptions models;
  std::filesystem::path conversations;  ///< the database of the chat page; empty: they stay in the browser
  ApiLimits limits = {};
  bool preload = true;  ///< loads the default model in the background, at once
};

/// The whole server: models, protocols, the chat page and its conversations, behind one address.
class Application {
 public:
  /// Throws Error for files that cannot be used.
  explicit Application(ApplicationOptions options);
  ~Application();

  /// Listens, then loads the default model unless told not to; `loaded` hears how that ended, on another thread.
  void start(std::function<void(std::exception_ptr)> loaded = {});
  std::string url() const;
  /// Running answers may end within `grace`.
  void stop(std::chrono::milliseconds grace);

  ModelPool& models();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace dure
