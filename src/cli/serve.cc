#include <fmt/format.h>
#include <signal.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "base/error.h"
#include "base/file.h"
#include "cli/app.h"
#include "cli/model_options.h"
#include "cli/state_folders.h"
#include "server/application.h"

namespace dure {
namespace {

namespace fs = std::filesystem;

struct ServeOptions {
  ModelOptions model;
  std::vector<std::string> aliases, api_keys, origins, hosts, adapters;
  std::string host = "127.0.0.1", models_dir, key_file, certificate, key, data_dir, cache_dir, cache = "bf16", name;
  int port = 8080, context = 0, parallel = 32, waiting = 64, batch_tokens = 512, max_loaded = 1, grace = 30,
      request_timeout = 0;
  double cache_gib = 0, cache_dir_gib = 8, idle_minutes = 0;
  SpeculationOptions speculation = {.source = DraftSource::automatic};
  bool exact = false, any_model = false, insecure = false, browser_storage = false, no_disk_cache = false, log = false;

  void add_to(CLI::App& command);
  HttpServerOptions http() const;
  ModelPoolOptions models() const;
};

void ServeOptions::add_to(CLI::App& command) {
  model.compute = "int8";
  model.add_to(command);
  command.get_option("MODEL")->required(false);
  command.remove_option(command.get_option("--lora"));
  command
      .add_option("--lora", adapters,
                  "NAME=DIR: a PEFT adapter that requests choose by the model name NAME; DIR alone: always on "
                  "(repeatable)")
      ->type_name("NAME=DIR")
      ->allow_extra_args(false);
  command.add_option("-c,--context", context, "Tokens of prompt and answer at most; by default what memory allows")
      ->check(kAtLeastOne);
  add_cache_option(command, cache);
  add_exact_option(command, exact);
  add_speculation_options(command, speculation);

  command.option_defaults()->group("Address and access");
  command.add_option("--host", host, "Address to listen on; by default this machine alone");
  command.add_option("-p,--port", port, "Port; 0 takes any free one")->check(CLI::Range(0, 65535));
  command.add_option("--api-key", api_keys, "A key that clients must show; better in DURE_API_KEY or a file")
      ->type_name("KEY")
      ->allow_extra_args(false);
  command.add_option("--api-key-file", key_file, "Keys, one a line")->type_name("FILE");
  command
      .add_option("--cors-origin", origins,
                  "A web site whose pages may use this server, * for all; by default its own alone (repeatable)")
      ->type_name("ORIGIN")
      ->allow_extra_args(false);
  command.add_option("--server-name", hosts, "A further name by which this server is called (repeatable)")
      ->type_name("HOST")
      ->allow_extra_args(false);
  command.add_option("--tls-cert", certificate, "Certificate chain (PEM): serve HTTPS")->type_name("FILE");
  command.add_option("--tls-key", key, "Its private key (PEM)")->type_name("FILE");
  command.add_flag("--insecure", insecure, "Listen beyond this machine without a key");

  command.option_defaults()->group("Models");
  command.add_option("--name", name, "What clients call MODEL; by default its file or folder name")->type_name("ID");
  command.add_option("--alias", aliases, "A further name of MODEL (repeatable)")
      ->type_name("ID")
      ->allow_extra_args(false);
  command.add_flag("--any-model", any_model, "Take any other name for MODEL, too");
  command.add_option("--models-dir", models_dir, "Serve every model in this folder, each loaded when it is asked for")
      ->type_name("DIR");
  command.add_option("--max-loaded", max_loaded, "Models in memory at once")->check(kAtLeastOne);
  command.add_option("--idle-unload", idle_minutes, "Unload a model after this many minutes without work; 0: never")
      ->check(CLI::Range(0.0, 1e6));

  command.option_defaults()->group("Work");
  command.add_option("--parallel", parallel, "Answers that are written at once")->check(CLI::Range(1, 1024));
  command.add_option("--queue", waiting, "Requests that may wait")->check(CLI::Range(1, 1 << 20));
  command.add_option("--batch-tokens", batch_tokens, "Rows of one step: more read prompts faster, fewer answer evenly")
      ->check(CLI::Range(1, 1 << 16));
  command.add_option("--cache-size", cache_gib, "GiB for the KV cache; by default half of what is free, as needed")
      ->check(CLI::Range(0.0, 1e6));
  command.add_option("--cache-dir", cache_dir, "Where prompts that were read outlast a restart")->type_name("DIR");
  command.add_option("--cache-dir-size", cache_dir_gib, "GiB of files there")->check(CLI::Range(0.0, 1e6));
  command.add_flag("--no-cache-dir", no_disk_cache, "Keep the KV cache in memory alone");
  command.add_option("--data-dir", data_dir, "Where the chat page's conversations are kept")->type_name("DIR");
  command.add_flag("--browser-storage", browser_storage, "Keep conversations in the browser instead");
  command
      .add_option("--request-timeout", request_timeout,
                  "Seconds after which an answer ends where it is, however far that is; 0: never")
      ->check(CLI::Range(0, 1 << 20));
  command.add_option("--grace", grace, "Seconds that running answers get when the server is stopped")
      ->check(CLI::Range(0, 86400));
  command.add_flag("--log", log, "One line for each request, on standard error");
  command.option_defaults()->group("Options");
}

bool is_loopback(const std::string& host) {
  return host == "localhost" || host == "::1" || host == "[::1]" || host.starts_with("127.");
}

HttpServerOptions ServeOptions::http() const {
  HttpServerOptions o;
  o.host = host;
  o.port = static_cast<uint16_t>(port);
  o.certificate = certificate;
  o.key = key;
  for (const std::string& k : api_keys) o.access.keys.add(k);
  if (const char* k = std::getenv("DURE_API_KEY"); k != nullptr && *k != '\0') o.access.keys.add(k);
  if (!key_file.empty()) o.access.keys.load(key_file);
  o.access.origins = origins;
  o.access.hosts = hosts;
  if (!is_loopback(host) && o.access.keys.empty()) {
    require(insecure,
            "--host {}: without an API key everyone who reaches this address may use the model; give "
            "--api-key-file, or --insecure to allow that",
            quote(host));
    fmt::print(stderr, "dure: warning: {} is open to everyone who can reach it\n", quote(host));
  }
  o.problem = [](std::string_view id, std::string_view what) {
    fmt::print(stderr, "dure: request {}: {}\n", id, what);
  };
  if (log)
    o.log = [](const AccessRecord& r) {
      fmt::print(stderr, "{} {} {} {} {} bytes {:.3f} s{}\n", r.remote, r.method, quote(r.path, 200), r.status, r.bytes,
                 r.seconds, r.aborted ? " (client left)" : "");
    };
  return o;
}

ModelPoolOptions ServeOptions::models() const {
  ModelPoolOptions o;
  if (!model.model.empty()) {
    const fs::path path = model.path();
    std::string id = name;
    if (id.empty()) {
      // A snapshot in the cache is named after its commit, which tells nobody anything.
      const fs::path file = fs::weakly_canonical(path);
      id = path != model.model ? model.model : fs::is_directory(file) ? file.filename().string() : file.stem().string();
    }
    o.models.push_back({id, path, aliases});
  }
  require(!o.models.empty() || !models_dir.empty(), "no model: name one, or a folder of them with --models-dir");
  require(models_dir.empty() || fs::is_directory(models_dir), "--models-dir {}: there is no such folder",
          quote(models_dir, 200));
  o.models_dir = models_dir;
  o.any_model = any_model;
  o.max_loaded = max_loaded;
  o.idle = std::chrono::seconds(static_cast<int64_t>(std::ceil(idle_minutes * 60)));

  LoadedModelOptions& m = o.service.model;
  m.device = model.device();
  m.load = model.load();
  for (const std::string& a : adapters) {
    const size_t equals = a.find('=');
    AdapterChoice choice = parse_adapter_choice(equals == a.npos ? a : a.substr(equals + 1));
    if (equals != a.npos) choice.name = a.substr(0, equals);
    m.load.adapters.push_back(std::move(choice));
  }
  EngineOptions& e = o.service.engine;
  e.max_model_len = context;
  e.cache_bytes = static_cast<int64_t>(cache_gib * (1 << 30));
  e.cache_dtype = cache == "f32" ? DType::F32 : cache == "f16" ? DType::F16 : DType::BF16;
  e.exact = exact;
  e.speculation = speculation;
  e.max_num_seqs = parallel;
  e.max_num_waiting = waiting;
  e.max_num_batched_tokens = batch_tokens;
  if (!no_disk_cache) {
    e.cache_dir = cache_dir.empty() ? default_cache_folder("kv") : fs::path(cache_dir);
    e.cache_dir_bytes = static_cast<int64_t>(cache_dir_gib * (1 << 30));
  }
  return o;
}

/// Waits for Ctrl-C, or the signal that service managers send.
void wait_for_signal(const sigset_t& signals) {
  int which = 0;
  sigwait(&signals, &which);
}

}  // namespace

/// dure serve MODEL: the model for many at once, over HTTP.
void add_serve(CLI::App& app) {
  auto o = std::make_shared<ServeOptions>();
  CLI::App* command =
      app.add_subcommand("serve", "Serve models over HTTP: OpenAI, Anthropic and Ollama clients, and a chat page");
  o->add_to(*command);
  command->callback([o] {
    ApplicationOptions options{o->http(), o->models(), {}};
    options.limits.time = std::chrono::seconds(o->request_timeout);
    if (!o->browser_storage)
      options.conversations =
          (o->data_dir.empty() ? default_data_folder() : private_folder(o->data_dir)) / "conversations.sqlite";
    // Before any thread starts: they inherit what is blocked, so that the signals wait for this one.
    sigset_t signals;
    sigemptyset(&signals);
    for (const int s : {SIGINT, SIGTERM}) sigaddset(&signals, s);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    signal(SIGPIPE, SIG_IGN);

    const std::string id = options.models.models.empty() ? "" : options.models.models.front().id;
    Application server(std::move(options));
    std::exception_ptr failure;
    server.start([&](std::exception_ptr error) {
      failure = error;
      if (error != nullptr)
        ::kill(::getpid(), SIGTERM);
      else if (!id.empty())
        fmt::print("ready: {}\n", id), std::fflush(stdout);
    });
    const std::string url = server.url();
    fmt::print("{}  the chat page; OpenAI clients: {}/v1\n", url, url);
    fmt::print(
        "curl {}/v1/chat/completions -H 'Content-Type: application/json' -d "
        "'{{\"messages\":[{{\"role\":\"user\",\"content\":\"Hello\"}}]}}'\n",
        url);
    std::fflush(stdout);
    wait_for_signal(signals);
    if (failure == nullptr)
      fmt::print(stderr, "dure: stopping; running answers have {} s, Ctrl-C ends them now\n", o->grace);
    // A second signal is not waited for any more: it ends the program.
    pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
    server.stop(std::chrono::seconds(failure == nullptr ? o->grace : 0));
    if (failure != nullptr) std::rethrow_exception(failure);
  });
}

}  // namespace dure
