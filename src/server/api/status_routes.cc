#include "base/error.h"
#include "base/json.h"
#include "base/system.h"
#include "base/version.h"
#include "server/api/endpoints.h"
#include "server/api/server_context.h"

namespace dure {
namespace {

Json or_null(double x) { return x > 0 ? Json(x) : Json(); }
Json bytes_or_null(int64_t x) { return x > 0 ? Json(x) : Json(); }

Json status_json(ServerContext& context) {
  const ServerStats::Numbers n = context.stats.numbers();
  const MemoryStatus memory = memory_status();
  Json json = {
      {"version", kVersion},
      {"uptime_s", static_cast<int64_t>(n.uptime_seconds)},
      {"requests", {{"finished", n.finished}, {"failed", n.failed}, {"cancelled", n.cancelled}}},
      {"speed", {{"prompt_tokens_per_second", or_null(n.prompt_rate)}, {"tokens_per_second", or_null(n.decode_rate)}}},
      {"memory",
       {{"rss_bytes", bytes_or_null(resident_memory())},
        {"available_bytes", bytes_or_null(memory.available)},
        {"total_bytes", bytes_or_null(memory.total)}}}};
  json["models"] = Json::array();
  for (const ModelPool::Busy& b : context.models.busy()) {
    const EngineStats& e = b.engine;
    Json model = {
        {"model", b.id},
        {"queue", {{"waiting", e.waiting}, {"limit", b.max_num_waiting}}},
        {"slots", {{"used", e.running}, {"total", b.max_num_seqs}}},
        {"cache",
         {{"tokens_used", int64_t{e.blocks_used + e.blocks_cached} * KVCache::kBlockSize},
          {"tokens_total", int64_t{e.blocks} * KVCache::kBlockSize},
          {"hit_rate", e.prefix_queries > 0 ? Json(double(e.prefix_hits) / double(e.prefix_queries)) : Json()},
          {"disk_bytes", e.disk_bytes}}},
        {"speculation", {{"drafted", e.drafted_tokens}, {"accepted", e.accepted_tokens}}},
        {"preemptions", e.preemptions}};
    if (json["models"].empty())
      for (const char* key : {"model", "queue", "slots", "cache"}) json[key] = model[key];
    json["models"].push_back(std::move(model));
  }
  return json;
}

/// Prometheus' text format.
class Exposition {
 public:
  void add(const char* name, const char* type, const char* help, double value, const std::string& labels = {}) {
    head(name, type, help);
    line(name, labels, value);
  }
  void head(const char* name, const char* type, const char* help) {
    out_ += fmt::format("# HELP dure:{} {}\n# TYPE dure:{} {}\n", name, help, name, type);
  }
  void line(const std::string& name, const std::string& labels, double value) {
    out_ += labels.empty() ? fmt::format("dure:{} {}\n", name, value)
                           : fmt::format("dure:{}{{{}}} {}\n", name, labels, value);
  }
  void add(const char* name, const char* help, const Histogram& h) {
    head(name, "histogram", help);
    int64_t so_far = 0;
    for (size_t i = 0; i < h.bounds.size(); ++i) {
      so_far += h.counts[i];
      line(std::string(name) + "_bucket", fmt::format("le=\"{}\"", h.bounds[i]), static_cast<double>(so_far));
    }
    line(std::string(name) + "_bucket", "le=\"+Inf\"", static_cast<double>(h.count));
    line(std::string(name) + "_sum", "", h.sum);
    line(std::string(name) + "_count", "", static_cast<double>(h.count));
  }
  const std::string& text() const { return out_; }

 private:
  std::string out_;
};

std::string label(const std::string& model) {
  std::string value = "model_name=\"";
  for (const char c : model) {
    if (c == '"' || c == '\\') value.push_back('\\');
    value.append(c == '\n' ? "\\n" : std::string(1, c));
  }
  return value.append("\"");
}

std::string metrics_text(ServerContext& context) {
  const ServerStats::Numbers n = context.stats.numbers();
  Exposition e;
  e.add("prompt_tokens_total", "counter", "Tokens of prompts, cached ones included.", double(n.prompt_tokens));
  e.add("generation_tokens_total", "counter", "Tokens that were generated.", double(n.generated_tokens));
  e.add("time_to_first_token_seconds", "From the request to the first token.", n.first_token);
  e.add("inter_token_latency_seconds", "Mean time between the tokens of a request.", n.between_tokens);
  e.add("e2e_request_latency_seconds", "From the request to its last token.", n.whole);
  e.add("request_queue_time_seconds", "Time that requests waited.", n.queued);
  e.head("request_success_total", "counter", "Answers by how they ended.");
  constexpr const char* kReasons[kFinishReasons] = {"stop", "length", "abort", "deadline", "error"};
  for (size_t i = 0; i < kFinishReasons; ++i)
    e.line("request_success_total", fmt::format("finished_reason=\"{}\"", kReasons[i]), double(n.reasons[i]));
  const std::vector<ModelPool::Busy> busy = context.models.busy();
  const auto gauge = [&](const char* name, const char* type, const char* help, auto value) {
    e.head(name, type, help);
    for (const ModelPool::Busy& b : busy) e.line(name, label(b.id), double(value(b.engine)));
  };
  gauge("num_requests_running", "gauge", "Sequences in the batch.", [](const EngineStats& s) { return s.running; });
  gauge("num_requests_waiting", "gauge", "Sequences in line.", [](const EngineStats& s) { return s.waiting; });
  gauge("kv_cache_usage_perc", "gauge", "Share of the KV cache that running sequences hold, 0 to 1.",
        [](const EngineStats& s) { return s.blocks > 0 ? double(s.blocks_used) / s.blocks : 0; });
  gauge("prefix_cache_queries_total", "counter", "Prompt tokens that were looked up in the prefix cache.",
        [](const EngineStats& s) { return s.prefix_queries; });
  gauge("prefix_cache_hits_total", "counter", "Prompt tokens that were found there.",
        [](const EngineStats& s) { return s.prefix_hits; });
  gauge("prefix_cache_disk_hits_total", "counter", "Those of them that came from the disk.",
        [](const EngineStats& s) { return s.disk_hits; });
  gauge("num_preemptions_total", "counter", "Sequences that gave way and were computed again.",
        [](const EngineStats& s) { return s.preemptions; });
  gauge("spec_decode_num_draft_tokens_total", "counter", "Guesses at next tokens that were computed.",
        [](const EngineStats& s) { return s.drafted_tokens; });
  gauge("spec_decode_num_accepted_tokens_total", "counter", "Guesses that were right.",
        [](const EngineStats& s) { return s.accepted_tokens; });
  gauge("engine_steps_total", "counter", "Batches that were computed.", [](const EngineStats& s) { return s.steps; });
  e.add("resident_memory_bytes", "gauge", "Memory of the process.", double(resident_memory()));
  return e.text();
}

void status(ServerContext& context, const std::shared_ptr<Exchange>& exchange) {
  HttpResponse response = json_response(200, status_json(context));
  response.headers.set("cache-control", "no-store");
  exchange->send(std::move(response));
}

void metrics(ServerContext& context, const std::shared_ptr<Exchange>& exchange) {
  exchange->send(text_response(200, metrics_text(context), "text/plain; version=0.0.4; charset=utf-8"));
}

}  // namespace

std::vector<Endpoint> status_endpoints() {
  return {
      {.method = "GET", .path = "/status", .group = "server", .summary = "What the server does now", .handle = status},
      {.method = "GET",
       .path = "/metrics",
       .group = "server",
       .summary = "Counters and histograms for Prometheus",
       .handle = metrics}};
}

}  // namespace dure
