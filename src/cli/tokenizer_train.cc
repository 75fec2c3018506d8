#include <fmt/format.h>

#include <filesystem>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/threads.h"
#include "cli/app.h"
#include "cli/bad_lines.h"
#include "cli/model_options.h"
#include "formats/tokenizer_json_writer.h"
#include "train/data/deepseek_tokenizer.h"
#include "train/data/documents.h"
#include "train/data/word_counter.h"

namespace dure {
namespace {

struct TokenizerTrainOptions {
  std::vector<std::string> files;
  std::string folder;
  DocumentOptions documents;
  int vocab = 8192, threads = 0;
};

/// Counts the words of a file, also those of conversations.
void count_file(const TokenizerTrainOptions& o, const std::string& file, WordCounter& counter, BadLines& bad) {
  DocumentReader reader(file, o.documents, bad);
  for (Document document; reader.next(document);) {
    counter.add(document.text);
    if (document.messages.empty()) continue;
    for (const Json& message : parse_json(document.messages, file))
      if (message.is_object() && message.contains("content") && message["content"].is_string())
        counter.add(message["content"].get_ref<const std::string&>());
  }
}

void train_tokenizer(const TokenizerTrainOptions& o) {
  ThreadPool pool(o.threads);
  const PreTokenizer cut(deepseek_tokenizer_steps());
  WordCounter counter(cut, pool);
  BadLines bad;
  ProgressBar reading("reading");
  for (size_t i = 0; i < o.files.size(); ++i) {
    count_file(o, o.files[i], counter, bad);
    reading.update(static_cast<int64_t>(i) + 1, static_cast<int64_t>(o.files.size()));
  }
  reading.finish();
  report_bad_lines(bad);

  BpeTrainerOptions options;
  options.merges = o.vocab - kMinVocab;
  ProgressBar merging("merging");
  options.progress = [&](int done) { merging.update(done, options.merges); };
  const std::vector<CountedWord> words = counter.words();
  const LearnedMerges learned = learn_merges(words, options);
  merging.finish();

  const TokenizerSpec spec = deepseek_tokenizer(learned);
  const std::filesystem::path folder = o.folder;
  std::filesystem::create_directories(folder);
  write_file_atomically(folder / "tokenizer.json", [&](std::ostream& out) { out << to_tokenizer_json(spec); });
  write_file_atomically(folder / "tokenizer_config.json", [&](std::ostream& out) { out << to_tokenizer_config(spec); });
  fmt::print("{}: {} tokens from {} different words\n", o.folder, spec.vocab_size(), words.size());
  if (spec.vocab_size() < o.vocab)
    fmt::print("the text has no more pairs to merge: {} tokens fewer than --vocab\n", o.vocab - spec.vocab_size());
}

}  // namespace

/// dure tokenizer train FILES: a vocabulary of one's own.
void add_tokenizer(CLI::App& app) {
  auto o = std::make_shared<TokenizerTrainOptions>();
  CLI::App* parent = app.add_subcommand("tokenizer", "Make tokenizers");
  parent->require_subcommand(1);
  CLI::App* command = parent->add_subcommand("train", "Learn a byte-level BPE vocabulary, laid out as DeepSeek-V3's");
  command->add_option("FILES", o->files, "Text or JSON Lines (*.jsonl), each also as .zst or .xz")->required();
  command->add_option("-o,--out", o->folder, "Folder for tokenizer.json and tokenizer_config.json")->required();
  command->add_option("--vocab", o->vocab, "Tokens, special ones included; by default 8192")
      ->check(CLI::Range(kMinVocab + 1, 1 << 20));
  command->add_option("--field", o->documents.field, "Field of JSON Lines that holds the text; by default text");
  command->add_option("-t,--threads", o->threads, "Threads; 0 takes every CPU")->check(CLI::Range(0, 1024));
  command->callback([o] { train_tokenizer(*o); });
}

}  // namespace dure
