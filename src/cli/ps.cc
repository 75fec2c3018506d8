#include <fmt/format.h>

#include <cstdlib>

#include "base/error.h"
#include "base/json.h"
#include "cli/app.h"
#include "cli/model_options.h"
#include "toolbox/hub/http.h"

namespace dure {
namespace {

constexpr size_t kMaxBody = 4 << 20;

Json fetch(HttpClient& client, const std::string& server, const std::string& path, const std::string& key) {
  std::string body;
  HttpGet get;
  get.url = server + path;
  if (!key.empty()) get.headers.push_back("Authorization: Bearer " + key);
  get.on_body = [&](std::string_view part) {
    require(body.size() + part.size() <= kMaxBody, "{}{}: the answer is too long", server, path);
    body += part;
  };
  const HttpReply reply = client.get(get);
  require(reply.problem.empty(), "{}: no server answers there ({})", server, reply.problem);
  require(reply.status != 401, "{}: the server wants a key: give --api-key, or set DURE_API_KEY", server);
  require(reply.ok(), "{}{}: {}", server, path, reply.what());
  return parse_json(body, server + path);
}

/// A number of the object, or "-" where the server does not know it.
std::string text(const Json& object, const char* key, const char* unit = "") {
  const auto it = object.find(key);
  if (it == object.end() || !it->is_number()) return "-";
  return it->is_number_integer() ? fmt::format("{}{}", it->get<int64_t>(), unit)
                                 : fmt::format("{:.1f}{}", it->get<double>(), unit);
}

void print_status(const Json& status) {
  const Json none = Json::object();
  const auto part = [&](const Json& object, const char* key) -> const Json& {
    const auto it = object.find(key);
    return it == object.end() || !it->is_object() ? none : *it;
  };
  const auto models = status.find("models");
  if (models == status.end() || !models->is_array() || models->empty())
    fmt::print("no model is loaded\n");
  else
    for (const Json& m : *models) {
      const Json &slots = part(m, "slots"), &queue = part(m, "queue"), &cache = part(m, "cache");
      fmt::print("{}\n", m.value("model", "?"));
      fmt::print("  answers     {} of {} running, {} waiting\n", text(slots, "used"), text(slots, "total"),
                 text(queue, "waiting"));
      const auto rate = cache.find("hit_rate");
      fmt::print("  cache       {} of {} tokens{}\n", text(cache, "tokens_used"), text(cache, "tokens_total"),
                 rate != cache.end() && rate->is_number()
                     ? fmt::format(", {:.0f} % of prompts were known", 100 * rate->get<double>())
                     : "");
    }
  const Json &speed = part(status, "speed"), &memory = part(status, "memory"), &requests = part(status, "requests");
  fmt::print("speed         {} tokens/s, prompts {} tokens/s (last minute)\n", text(speed, "tokens_per_second"),
             text(speed, "prompt_tokens_per_second"));
  fmt::print("requests      {} finished, {} failed, {} cancelled in {}\n", text(requests, "finished"),
             text(requests, "failed"), text(requests, "cancelled"), text(status, "uptime_s", " s"));
  if (const auto rss = memory.find("rss_bytes"); rss != memory.end() && rss->is_number())
    fmt::print("memory        {}\n", bytes_text(rss->get<int64_t>()));
}

}  // namespace

/// dure ps: what a running server does.
void add_ps(CLI::App& app) {
  struct Options {
    std::string server = "http://127.0.0.1:8080", key;
    bool json = false;
  };
  auto o = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("ps", "Show what a running dure serve does");
  command->add_option("--server", o->server, "Its address; by default http://127.0.0.1:8080")->type_name("URL");
  command->add_option("--api-key", o->key, "A key that it knows; better in DURE_API_KEY")->type_name("KEY");
  command->add_flag("--json", o->json, "As the server says it");
  command->callback([o] {
    while (o->server.ends_with('/')) o->server.pop_back();
    if (const char* key = std::getenv("DURE_API_KEY"); o->key.empty() && key != nullptr) o->key = key;
    HttpClient client(std::chrono::seconds(10), [] { return false; });
    const Json status = fetch(client, o->server, "/status", o->key);
    if (o->json)
      fmt::print("{}\n", dump_json(status, 2));
    else
      print_status(status);
  });
}

}  // namespace dure
