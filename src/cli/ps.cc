#include <fmt/format.h>

#include "base/json.h"
#include "cli/app.h"
#include "cli/model_options.h"
#include "cli/server_options.h"

namespace dure {
namespace {

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
    ServerOptions server{"http://127.0.0.1:8080", {}};
    bool json = false;
  };
  auto o = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("ps", "Show what a running dure serve does");
  o->server.add_to(*command, "Its address; by default http://127.0.0.1:8080");
  command->add_flag("--json", o->json, "As the server says it");
  command->callback([o] {
    ServerClient client(o->server.client(std::chrono::seconds(10)), [] { return false; });
    const Json status = client.get("/status");
    if (o->json)
      fmt::print("{}\n", dump_json(status, 2));
    else
      print_status(status);
  });
}

}  // namespace dure
