#include <fmt/format.h>

#include <cmath>
#include <numeric>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/sha256.h"
#include "chat/loaded_model.h"
#include "cli/app.h"
#include "cli/bad_lines.h"
#include "cli/eval_commands.h"
#include "toolbox/ratio.h"
#include "toolbox/token_losses.h"
#include "train/data/documents.h"
#include "train/data/shard_source.h"

namespace dure {
namespace {

namespace fs = std::filesystem;

struct BpbOptions {
  ModelOptions model;
  std::vector<std::string> sources;
  std::string split = "held-out";
  DocumentOptions documents;
  int context = 0;
  int64_t tokens = 100'000;
  bool json = false;
};

/// Documents of one source as ids, and which of them are text that a model should know how to write.
class ScoredText {
 public:
  ScoredText(const LoadedModel& model, int64_t most) : tokenizer_(model.tokenizer()), most_(most) {}

  bool full() const { return tokens_ >= most_; }
  void add(TokenizedDocument document) {
    if (document.ids.size() < 2) return;
    tokens_ += static_cast<int64_t>(document.ids.size());
    documents_.push_back(std::move(document));
  }
  const std::vector<TokenizedDocument>& documents() const { return documents_; }

  /// The bytes of a token that counts; 0: it does not. Nothing predicts a document's first token, and control tokens
  /// are no text.
  int bytes(const TokenizedDocument& d, size_t i) const {
    if (i == 0 || (!d.learned.empty() && !d.learned[i]) || tokenizer_.is_special(d.ids[i])) return 0;
    return static_cast<int>(tokenizer_.token_bytes(d.ids[i]).size());
  }

 private:
  const Tokenizer& tokenizer_;
  int64_t most_, tokens_ = 0;
  std::vector<TokenizedDocument> documents_;
};

/// What the ids of shards mean is known from the tokenizer alone. A GGUF file has none to compare.
void require_same_tokenizer(const TokenShard& shard, const fs::path& model, const std::string& source) {
  const fs::path file = model / "tokenizer.json";
  if (!fs::exists(file)) return;
  Sha256 hash;
  hash.update(read_file(file));
  require(hash.digest() == shard.tokenizer(), "{}: made with another tokenizer than {}", source, file.string());
}

void read_shards(const std::string& source, const BpbOptions& o, const LoadedModel& model, ScoredText& text) {
  for (const TokenShard& shard : open_shard_set(source, o.split, 1).shards) {
    require_same_tokenizer(shard, o.model.path(), source);
    require(shard.vocab_size() <= model.info().vocab_size, "{}: {} tokens, the model has {}", source,
            shard.vocab_size(), model.info().vocab_size);
    for (int64_t d = 0; d < shard.documents() && !text.full(); ++d) {
      TokenizedDocument document;
      for (int64_t i = shard.begin(d); i < shard.begin(d + 1); ++i) {
        document.ids.push_back(shard.token(i));
        document.learned.push_back(shard.learned(i));
      }
      text.add(std::move(document));
    }
  }
}

void read_texts(const std::string& source, const BpbOptions& o, const LoadedModel& model, ScoredText& text) {
  BadLines bad;
  DocumentReader reader(source, o.documents, bad);
  for (Document d; !text.full() && reader.next(d);)
    if (!d.text.empty()) text.add({model.raw_prompt(d.text), {}});
  report_bad_lines(bad);
}

struct SourceScore {
  Ratio bits_per_byte, nats_per_token;
};

Json to_json(const SourceScore& s) {
  return {{"documents", s.bits_per_byte.count()},
          {"tokens", static_cast<int64_t>(s.nats_per_token.weight())},
          {"bytes", static_cast<int64_t>(s.bits_per_byte.weight())},
          {"bits_per_byte", to_json(s.bits_per_byte.estimate())},
          {"nll", to_json(s.nats_per_token.estimate())}};
}

/// Each document is a draw of its own, by which errors are estimated.
SourceScore score(const ScoredText& text, const LoadedModel& model, int context, const std::string& source) {
  std::vector<Window> windows;
  std::vector<size_t> ends;  // of each document's windows
  for (const TokenizedDocument& d : text.documents()) {
    const std::vector<Window> own = cut_windows(d.ids, {.context = context});
    windows.insert(windows.end(), own.begin(), own.end());
    ends.push_back(windows.size());
  }
  ProgressBar bar(source);
  const auto losses = token_losses(model.model(), model.device(), windows, progress_of(bar));
  bar.finish();

  SourceScore result;
  for (size_t d = 0, w = 0; d < ends.size(); ++d) {
    double nats = 0, tokens = 0, bytes = 0;
    for (size_t token = 1; w < ends[d]; ++w)
      for (const float loss : losses[w]) {
        const int own = text.bytes(text.documents()[d], token++);
        if (own == 0) continue;
        nats += loss;
        tokens += 1;
        bytes += own;
      }
    if (tokens == 0) continue;
    result.bits_per_byte.add(nats / std::log(2.0), bytes);
    result.nats_per_token.add(nats, tokens);
  }
  require(result.bits_per_byte.count() > 0, "{}: no text to score", source);
  return result;
}

void evaluate(const BpbOptions& o) {
  const LoadedModel model({o.model.path(), o.model.device(), o.model.load()});
  const int most = model.info().max_position_embeddings, context = o.context > 0 ? o.context : std::min(512, most);
  require(context <= most, "--context {}: {} was made for {} tokens", context, o.model.model, most);

  Json json = Json::object();
  std::vector<std::vector<std::string>> rows = {{"source", "documents", "tokens", "bits per byte", "nats per token"}};
  for (const std::string& source : o.sources) {
    ScoredText text(model, o.tokens);
    fs::is_directory(source) ? read_shards(source, o, model, text) : read_texts(source, o, model, text);
    const SourceScore s = score(text, model, context, source);
    json[source] = to_json(s);
    const Estimate bits = s.bits_per_byte.estimate(), nats = s.nats_per_token.estimate();
    rows.push_back({source, std::to_string(s.bits_per_byte.count()), fmt::format("{:.0f}", s.nats_per_token.weight()),
                    fmt::format("{:.4f} ± {:.4f}", bits.mean, bits.error),
                    fmt::format("{:.4f} ± {:.4f}", nats.mean, nats.error)});
  }
  if (o.json)
    fmt::print("{}\n", dump_json(json, 2));
  else
    print_columns(rows);
}

}  // namespace

/// dure eval bpb: how well a model predicts texts of several sources that it was not trained on.
void add_eval_bpb(CLI::App& parent) {
  auto o = std::make_shared<BpbOptions>();
  CLI::App* command = parent.add_subcommand("bpb", "Bits per byte of several sources, document by document");
  o->model.add_to(*command);
  command->add_option("SOURCES", o->sources, "Folders of shards, texts or JSON Lines")->required();
  command->add_option("--split", o->split, "Which shards of a folder")->capture_default_str();
  command->add_option("--field", o->documents.field, "Field of JSON Lines that holds the text; by default text");
  command->add_option("--separator", o->documents.separator, "A line that ends a document of a text file");
  command
      ->add_option("-c,--context", o->context,
                   "Tokens that the model sees at once; by default 512, or what it was made for")
      ->check(CLI::Range(2, std::numeric_limits<int>::max()));
  command->add_option("--tokens", o->tokens, "Score this many tokens of each source, or a document more")
      ->check(kAtLeastOne)
      ->capture_default_str();
  command->add_flag("--json", o->json, "As one JSON object");
  command->callback([o] { evaluate(*o); });
}

}  // namespace dure
