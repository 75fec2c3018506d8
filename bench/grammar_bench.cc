// Constrained decoding: how long grammars compile, and how long a mask takes, on answers that keep to them. `cold` is
// the first request of a process with the first grammar: nothing is known of any state. `warm` is the second request.
//   build/release/bench/grammar_bench
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <unordered_map>

#include "base/json.h"
#include "formats/tokenizer_json.h"
#include "sampling/grammar/grammar_matcher.h"
#include "tests/golden/zstd_file.h"
#include "text/tokenizer.h"

namespace dure {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kPrepare{250};  // as src/chat does

double us(Clock::duration d) { return std::chrono::duration<double, std::micro>(d).count(); }

/// A schema and an answer.
struct Case {
  const char* name;
  const char* schema;
  const char* answer;
};

constexpr Case kCases[] = {
    {"any_object", R"({"type": "object"})",
     R"({"name": "A story of the sea", "pages": [1, 2, 35], "author": {"first": "Jun-ho", "last": "Kim"}, "text":
"Once upon a time, in a village by the sea, there lived a fisherman. \"Where is my boat?\" he asked.\n오늘은 날씨가 참 좋다."})"},
    {"tool_call", R"({"type": "object", "properties": {"city": {"type": "string"}, "unit": {"enum": ["celsius",
      "fahrenheit"]}, "days": {"type": "integer", "minimum": 1, "maximum": 14}, "detail": {"type": "boolean"}},
      "required": ["city", "days"], "additionalProperties": false})",
     R"({"city": "San Francisco, California", "unit": "celsius", "days": 12, "detail": true})"},
    {"invoice", R"({"type": "object", "properties": {
      "id": {"type": "string", "pattern": "^INV-[0-9]{6}$"}, "issued": {"type": "string", "format": "date-time"},
      "customer": {"type": "object", "properties": {"name": {"type": "string", "minLength": 1, "maxLength": 80},
        "email": {"type": "string", "format": "email"}, "tags": {"type": "array", "items": {"type": "string",
        "maxLength": 20}, "maxItems": 5}}, "required": ["name", "email"], "additionalProperties": false},
      "lines": {"type": "array", "minItems": 1, "maxItems": 50, "items": {"type": "object", "properties": {
        "text": {"type": "string", "maxLength": 200}, "quantity": {"type": "integer", "minimum": 1},
        "price": {"type": "number", "minimum": 0, "maximum": 100000, "multipleOf": 0.01}},
        "required": ["text", "quantity", "price"], "additionalProperties": false}},
      "note": {"type": ["string", "null"]}},
      "required": ["id", "issued", "customer", "lines", "note"], "additionalProperties": false})",
     R"({"id": "INV-004211", "issued": "2026-11-22T09:30:00Z", "customer": {"name": "Hanbit Publishing House Ltd.",
"email": "accounts.payable@example.co.kr", "tags": ["wholesale", "monthly billing"]}, "lines": [{"text":
"Paper, recycled, 80 g/m2, five hundred sheets in a box; delivered to the back entrance", "quantity": 40, "price": 5.25},
{"text": "Envelopes", "quantity": 1000, "price": 0.05}], "note": "Please pay within thirty days. 감사합니다!"})"},
    {"open_object", R"({"type": "object", "properties": {"name": {"type": "string"}, "number": {"type": "number"}},
      "required": ["name"], "additionalProperties": {"type": "string"}})",
     R"({"name": "lamp", "number": 12.5, "nature": "electrical", "numbering": "none", "colour": "warm white"})"},
    {"tree",
     R"({"$ref": "#/$defs/node", "$defs": {"node": {"type": "object", "properties": {"value": {"type": "string"},
      "children": {"type": "array", "items": {"$ref": "#/$defs/node"}}}, "required": ["value", "children"],
      "additionalProperties": false}}})",
     R"({"value": "root of it all", "children": [{"value": "left", "children": [{"value": "leaf", "children": []}]},
{"value": "right", "children": []}]})"},
};

std::vector<std::string> tokens_of(const Tokenizer& tokenizer, int count) {
  std::vector<std::string> tokens;
  for (int id = 0; id < count; ++id)
    tokens.emplace_back(tokenizer.is_special(id) ? std::string_view() : tokenizer.token_bytes(id));
  return tokens;
}

/// The longest token first: any split will do here.
std::vector<int> split(const TokenTrie& trie, std::string_view text) {
  std::unordered_map<std::string_view, int> ids;
  for (const int id : trie.ordered_tokens()) ids.emplace(trie.bytes(id), id);
  std::vector<int> out;
  while (!text.empty())
    for (size_t n = std::min(text.size(), size_t(trie.max_length())); n > 0; --n)
      if (const auto id = ids.find(text.substr(0, n)); id != ids.end()) {
        out.push_back(id->second);
        text.remove_prefix(n);
        break;
      }
  return out;
}

/// The line breaks of the cases are for the reader.
std::string one_line(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

std::vector<double> mask_times(const std::shared_ptr<GrammarMasks>& masks, const std::vector<int>& ids) {
  std::vector<double> times;
  const auto start = Clock::now();
  GrammarMatcher matcher(masks, masks->trie().vocab_size());
  auto begin = start;  // the first mask pays for the matcher
  for (const int id : ids) {
    benchmark::DoNotOptimize(matcher.mask().data());
    matcher.accept(id);
    times.push_back(us(Clock::now() - begin));
    begin = Clock::now();
  }
  return times;
}

void run(benchmark::State& state, const std::string& tokenizer_name, int count, const Case& c) {
  const std::string path = std::string(DURE_SHARED_DIR) + "/data/tokenizers/" + tokenizer_name + "/tokenizer.json.zst";
  const Tokenizer tokenizer(parse_tokenizer_json(read_zst(path), tokenizer_name));
  const std::vector<std::string> tokens = tokens_of(tokenizer, std::min(count, tokenizer.vocab_size()));
  const Json schema = parse_json(c.schema, c.name);
  std::vector<double> cold, warm;
  double compiling = 0, building = 0, loading = 0, preparing = 0;
  for (auto _ : state) {
    auto begin = Clock::now();
    const auto trie = std::make_shared<const TokenTrie>(tokens, std::vector<int>{0});
    building = us(Clock::now() - begin) / 1e3;
    begin = Clock::now();
    GrammarMasks(grammar::compile(grammar::json_object()), trie).prepare(std::chrono::seconds(1));
    loading = us(Clock::now() - begin) / 1e3;
    begin = Clock::now();
    const auto masks = std::make_shared<GrammarMasks>(grammar::compile(grammar::json_schema(schema)), trie);
    compiling = us(Clock::now() - begin) / 1e3;
    begin = Clock::now();
    masks->prepare(kPrepare);
    preparing = us(Clock::now() - begin) / 1e3;
    const std::vector<int> ids = split(*trie, one_line(c.answer));
    cold = mask_times(masks, ids);
    warm = mask_times(masks, ids);
  }
  for (const auto& [name, times] : {std::pair("cold", &cold), {"warm", &warm}}) {
    std::sort(times->begin(), times->end());
    double sum = 0;
    for (const double t : *times) sum += t;
    const std::string unit = std::string("us/mask, ") + name;
    state.counters[unit + ", mean"] = sum / double(times->size());
    state.counters[unit + ", p99"] = (*times)[times->size() * 99 / 100];
    state.counters[unit + ", max"] = times->back();
  }
  state.counters["ms to compile"] = compiling;
  state.counters["ms to prepare JSON, once"] = loading;
  state.counters["ms to prepare"] = preparing;
  state.counters["ms to build the trie"] = building;
}

/// Runs before bench_main.cc's main().
const bool registered = [] {
  constexpr int kAll = 1 << 30;
  const std::tuple<const char*, const char*, int> vocabularies[] = {
      {"deepseek_v3", "deepseek-v3", kAll}, {"qwen3", "qwen3", kAll}, {"qwen3_first_8192", "qwen3", 8192}};
  for (const auto& [title, tokenizer, count] : vocabularies)
    for (const Case& c : kCases) {
      const std::string name = std::string("grammar/") + title + "/" + c.name;
      const auto body = [name = std::string(tokenizer), count = count, &c](auto& state) { run(state, name, count, c); };
      benchmark::RegisterBenchmark(name.c_str(), body)->Iterations(1)->Unit(benchmark::kMillisecond);
    }
  return true;
}();

}  // namespace
}  // namespace dure
