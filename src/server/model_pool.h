#pragma once

#include <chrono>
#include <exception>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "chat/chat_service.h"

namespace dure {

/// A model as clients see it in lists.
struct ModelCard {
  std::string id;
  std::string base;  ///< of a LoRA adapter: the model that it changes; else empty
  std::vector<std::string> aliases;
  std::filesystem::path path;
  int64_t bytes = 0, modified = 0;  ///< of the files; seconds since 1970
  bool loaded = false;
  // Known once it is loaded, 0 before.
  int max_model_len = 0, vocab_size = 0;
  int64_t parameters = 0;
  std::string model_type;
};

struct ModelEntry {
  std::string id;
  std::filesystem::path path;
  std::vector<std::string> aliases = {};
};

struct ModelPoolOptions {
  std::vector<ModelEntry> models;         ///< the first is the default
  std::filesystem::path models_dir = {};  ///< further ones: each folder or GGUF file in it, by its name; may be empty
  ServiceOptions service;                 ///< the same for all; its model path is filled in
  int max_loaded = 1;                     ///< at once; who was used longest ago leaves
  std::chrono::seconds idle = {};         ///< an unused model leaves after this; 0: never
  bool any_model = false;                 ///< unknown names mean the default model
  /// Runs what waited for a model; empty: whoever loaded it does.
  std::function<void(std::function<void()>)> run = {};
};

/// Thrown to those who do not wait: somebody is loading the model.
struct ModelLoading {
  std::string id;
};

/// A model in use: it stays loaded while this lives.
struct ModelLease {
  std::shared_ptr<ChatService> service;
  std::string id;           ///< as in its card
  std::string adapter;      ///< for ChatRequest::adapter
  double load_seconds = 0;  ///< what this call waited for it
};

/// The models of a server, loaded on demand. Thread-safe.
class ModelPool {
 public:
  explicit ModelPool(ModelPoolOptions options);
  ~ModelPool();  ///< running requests fail

  std::vector<ModelCard> list() const;  ///< the default first
  /// By id or alias; empty: the default. Loads it if it must and waits for that.
  /// Throws HttpError: 404 model_not_found, or 503 while nothing can leave to make room. With `wait` false,
  /// ModelLoading if another thread is loading it.
  ModelLease acquire(const std::string& name, bool wait = true);
  /// Calls `then` when the model is no longer being loaded, with what went wrong; at once if that is so now.
  /// Throws HttpError 503 if as many wait as the engine's queue holds.
  void when_loaded(const std::string& id, std::function<void(std::exception_ptr)> then);
  /// The default model is not on its way into memory.
  bool ready() const;
  void unload(const std::string& id);  ///< as soon as nobody uses it

  /// What the models that are loaded are doing, the default one first.
  struct Busy {
    std::string id;
    EngineStats engine;
    int max_num_seqs = 0, max_num_waiting = 0;
  };
  std::vector<Busy> busy() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace dure
