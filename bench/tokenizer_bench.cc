// Tokenizer speed: loading a tokenizer.json, encoding documents with an empty word cache, decoding, hostile texts.
//   build/release/bench/tokenizer_bench --benchmark_filter=Encode
#include <benchmark/benchmark.h>

#include <sstream>

#include "base/json.h"
#include "formats/tokenizer_json.h"
#include "tests/golden/zstd_file.h"
#include "text/tokenizer.h"

namespace dure {
namespace {

const std::filesystem::path kData = std::filesystem::path(DURE_SHARED_DIR) / "data";

std::string tokenizer_json(const std::string& name) {
  return read_zst(kData / "tokenizers" / name / "tokenizer.json.zst");
}

/// Documents of a corpus, 8 MB together.
std::vector<std::string> documents(const std::string& corpus) {
  std::istringstream lines(read_zst(kData / "corpora" / corpus / "data.jsonl.zst"));
  std::vector<std::string> texts;
  size_t size = 0;
  for (std::string line; size < 8'000'000 && std::getline(lines, line);) {
    texts.push_back(Json::parse(line).at("text").get<std::string>());
    size += texts.back().size();
  }
  return texts;
}

void load(benchmark::State& state, const std::string& name) {
  const std::string text = tokenizer_json(name);
  for (auto _ : state) benchmark::DoNotOptimize(Tokenizer(parse_tokenizer_json(text, name)).vocab_size());
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(text.size()));
}

void encode(benchmark::State& state, const std::string& name, const std::string& corpus) {
  const std::string json = tokenizer_json(name);
  const std::vector<std::string> texts = documents(corpus);
  int64_t bytes = 0, tokens = 0;
  for (auto _ : state) {
    state.PauseTiming();
    const Tokenizer tokenizer(parse_tokenizer_json(json, name));
    state.ResumeTiming();
    for (const std::string& text : texts) {
      bytes += static_cast<int64_t>(text.size());
      tokens += static_cast<int64_t>(tokenizer.encode(text).size());
    }
  }
  state.SetBytesProcessed(bytes);
  state.counters["bytes_per_token"] = static_cast<double>(bytes) / static_cast<double>(tokens);
}

void decode(benchmark::State& state, const std::string& name, const std::string& corpus) {
  const Tokenizer tokenizer(parse_tokenizer_json(tokenizer_json(name), name));
  std::vector<std::vector<int>> ids;
  for (const std::string& text : documents(corpus)) ids.push_back(tokenizer.encode(text));
  int64_t bytes = 0;
  for (auto _ : state)
    for (const std::vector<int>& document : ids) bytes += static_cast<int64_t>(tokenizer.decode(document).size());
  state.SetBytesProcessed(bytes);
}

void encode_one(benchmark::State& state, const std::string& name, const std::string& text) {
  const Tokenizer tokenizer(parse_tokenizer_json(tokenizer_json(name), name));
  for (auto _ : state) benchmark::DoNotOptimize(tokenizer.encode(text).size());
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(text.size()));
}

std::string repeat(std::string_view unit, size_t bytes) {
  std::string text;
  while (text.size() < bytes) text += unit;
  return text;
}

BENCHMARK_CAPTURE(load, deepseek_v3, "deepseek-v3")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(load, qwen3, "qwen3")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(load, llama3_1, "llama3.1")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(encode, deepseek_v3_english, "deepseek-v3", "en-books-standardebooks")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(encode, deepseek_v3_korean, "deepseek-v3", "ko-precedents")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(encode, deepseek_v3_korean_code, "deepseek-v3", "ko-tech-docs")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(encode, deepseek_v2_english, "deepseek-v2", "en-books-standardebooks")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(encode, qwen3_korean, "qwen3", "ko-precedents")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(decode, deepseek_v3_korean, "deepseek-v3", "ko-precedents")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(encode_one, one_long_word, "deepseek-v3", repeat("abcde", 1 << 20))->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(encode_one, one_letter, "deepseek-v3", repeat("a", 1 << 20))->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(encode_one, spaces, "deepseek-v3", repeat(" ", 1 << 20) + "x")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(encode_one, spaces_v2, "deepseek-v2", repeat(" ", 1 << 20) + "5")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(encode_one, marks_nfc, "qwen3", repeat("\u0301", 1 << 19) + repeat("\u0323", 1 << 19))
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(encode_one, angle_brackets, "deepseek-v3", repeat("<｜place", 1 << 20))
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace dure
