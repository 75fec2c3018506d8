#include "train/data/shard_builder.h"

#include <algorithm>
#include <cstring>
#include <unordered_set>

#include "base/error.h"
#include "base/json.h"
#include "base/rng.h"
#include "base/sha256.h"
#include "train/data/conversation_tokens.h"

namespace dure {
namespace {

constexpr size_t kBatchBytes = size_t{8} << 20;

/// Half of a document's SHA-256: nobody makes two texts agree in it.
struct TextKey {
  uint64_t low, high;
  bool operator==(const TextKey&) const = default;
};
struct TextKeyHash {
  size_t operator()(const TextKey& key) const { return key.low; }
};

TextKey key_of(const Document& document) {
  Sha256 hash;
  hash.update(document.messages.empty() ? document.text : document.messages);
  TextKey key;
  std::memcpy(&key, hash.digest().data(), sizeof key);
  return key;
}

/// The shards of one split; the one under way is in memory.
class ShardWriter {
 public:
  ShardWriter(const ShardBuilderOptions& options, std::string split, int vocab_size, const TokenizerHash& hash)
      : options_(options), split_(std::move(split)), vocab_size_(vocab_size), hash_(hash) {}

  void add(TokenizedDocument document) {
    tokens_ += static_cast<int64_t>(document.ids.size());
    documents_.push_back(std::move(document));
    if (tokens_ >= options_.shard_tokens) finish();
  }

  void finish() {
    if (documents_.empty()) return;
    Rng rng(options_.seed, written_);
    for (size_t i = documents_.size(); i > 1; --i) std::swap(documents_[i - 1], documents_[rng.below(i)]);
    const auto path = options_.folder / fmt::format("{}-{:05}.tokens", split_, written_++);
    write_token_shard(path, documents_, vocab_size_, hash_);
    documents_.clear();
    tokens_ = 0;
  }

 private:
  const ShardBuilderOptions& options_;
  std::string split_;
  int vocab_size_;
  TokenizerHash hash_;
  std::vector<TokenizedDocument> documents_;
  int64_t tokens_ = 0;
  uint64_t written_ = 0;
};

class ShardBuilder {
 public:
  ShardBuilder(const ShardBuilderOptions& options, const Tokenizer& tokenizer, const TokenizerHash& hash,
               const PromptRenderer* renderer, ThreadPool& pool)
      : options_(options),
        tokenizer_(tokenizer),
        renderer_(renderer),
        pool_(pool),
        train_(options, "train", tokenizer.vocab_size(), hash),
        held_out_(options, "held-out", tokenizer.vocab_size(), hash) {}

  ShardBuilderReport run() {
    for (const std::filesystem::path& file : options_.files) {
      DocumentReader reader(file, options_.documents, report_.bad);
      for (Document document; reader.next(document);) {
        add(file, std::move(document));
        if (options_.progress) options_.progress(bytes_ + reader.bytes_read());
      }
      bytes_ += reader.bytes_read();
    }
    tokenize_batch();
    train_.finish();
    held_out_.finish();
    return std::move(report_);
  }

 private:
  struct Item {
    std::string file;
    Document document;
    bool is_held_out;
    std::vector<TokenizedDocument> result;
    std::string error;
  };

  void add(const std::filesystem::path& file, Document document) {
    const TextKey key = key_of(document);
    if (!seen_.insert(key).second) {
      ++report_.duplicates;
      return;
    }
    const bool is_held_out = static_cast<double>(key.high >> 11) * 0x1p-53 < options_.held_out;
    batch_bytes_ += document.text.size() + document.messages.size();
    batch_.push_back({file.string(), std::move(document), is_held_out, {}, {}});
    if (batch_bytes_ >= kBatchBytes) tokenize_batch();
  }

  std::vector<TokenizedDocument> tokenize(const Document& document) const {
    std::vector<TokenizedDocument> out;
    if (document.messages.empty()) {
      require(!options_.answers_only, "a text has no answers: expected 'messages'");
      out.push_back({tokenizer_.encode(document.text, {.add_special = true, .parse_special = false}), {}});
      if (tokenizer_.eos_id() >= 0) out.back().ids.push_back(tokenizer_.eos_id());
      return out;
    }
    require(renderer_ != nullptr, "the tokenizer has no chat template for 'messages'");
    out = conversation_tokens(parse_json(document.messages, "messages"), *renderer_, tokenizer_);
    if (!options_.answers_only)
      for (TokenizedDocument& part : out) part.learned.clear();
    return out;
  }

  void tokenize_batch() {
    pool_.parallel_for(static_cast<int64_t>(batch_.size()), 16, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        Item& item = batch_[static_cast<size_t>(i)];
        try {
          item.result = tokenize(item.document);
        } catch (const Error& e) {
          item.error = e.what();
        }
      }
    });
    for (Item& item : batch_) {
      if (!item.error.empty()) {
        const Document& d = item.document;
        report_.bad.add(
            fmt::format("{}: {}: {}", item.file, quote(d.messages.empty() ? d.text : d.messages, 40), item.error));
        continue;
      }
      ShardBuilderReport::Split& split = item.is_held_out ? report_.held_out : report_.train;
      split.bytes += static_cast<int64_t>(item.document.text.size() + item.document.messages.size());
      for (TokenizedDocument& document : item.result) {
        ++split.documents;
        split.tokens += static_cast<int64_t>(document.ids.size());
        (item.is_held_out ? held_out_ : train_).add(std::move(document));
      }
    }
    batch_.clear();
    batch_bytes_ = 0;
  }

  const ShardBuilderOptions& options_;
  const Tokenizer& tokenizer_;
  const PromptRenderer* renderer_;
  ThreadPool& pool_;
  ShardWriter train_, held_out_;
  ShardBuilderReport report_;
  std::unordered_set<TextKey, TextKeyHash> seen_;
  std::vector<Item> batch_;
  size_t batch_bytes_ = 0;
  int64_t bytes_ = 0;  // of the files before
};

}  // namespace

ShardBuilderReport build_shards(const ShardBuilderOptions& options, const Tokenizer& tokenizer,
                                const TokenizerHash& hash, const PromptRenderer* renderer, ThreadPool& pool) {
  return ShardBuilder(options, tokenizer, hash, renderer, pool).run();
}

}  // namespace dure
