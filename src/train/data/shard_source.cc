#include "train/data/shard_source.h"

#include <algorithm>

#include "base/error.h"
#include "base/json.h"
#include "train/data/permutation.h"

namespace dure {
namespace {

/// One set and how far it has been read.
struct Reading {
  ShardSet set;
  std::vector<int64_t> first;  // [shards + 1] number of each shard's first document
  uint64_t seed = 0;
  uint64_t epoch = 0, index = 0;  // of the document at hand, in the order of the epoch
  int64_t row = 0;                // of that document
  int64_t rows = 0;               // given so far

  int64_t documents() const { return first.back(); }

  /// The shard that has the document at hand, and the tokens of it there.
  struct Place {
    const TokenShard* shard;
    int64_t begin, end;
  };
  Place place() const {
    const Permutation order(static_cast<uint64_t>(documents()), seed, epoch);
    const int64_t document = static_cast<int64_t>(order(index));
    const auto after = std::upper_bound(first.begin(), first.end(), document);
    const TokenShard& shard = set.shards[static_cast<size_t>(after - first.begin() - 1)];
    const int64_t local = document - *(after - 1);
    return {&shard, shard.begin(local), shard.begin(local + 1)};
  }

  void next_document() {
    row = 0;
    if (++index < static_cast<uint64_t>(documents())) return;
    index = 0;
    ++epoch;
  }
};

class ShardSource final : public TokenSource {
 public:
  ShardSource(std::vector<ShardSet> sets, int length, uint64_t seed) : length_(length), seed_(seed) {
    require(length > 0, "data: sequences of {} rows, expected at least 1", length);
    require(!sets.empty(), "data: expected at least one set of shards");
    for (ShardSet& set : sets) {
      Reading reading{std::move(set), {0}, seed + readings_.size()};
      bool has_row = false;
      for (const TokenShard& shard : reading.set.shards) {
        require(shard.tokenizer() == reading.set.shards[0].tokenizer() &&
                    (readings_.empty() || shard.tokenizer() == readings_[0].set.shards[0].tokenizer()),
                "data: the shards were made with different tokenizers");
        reading.first.push_back(reading.first.back() + shard.documents());
        has_row = has_row || shard.tokens() > shard.documents();
        vocab_size_ = std::max(vocab_size_, shard.vocab_size());
      }
      require(has_row, "data: a set of shards has no document of two tokens");
      require(reading.set.weight > 0, "data: a weight of {}, expected more than 0", reading.set.weight);
      readings_.push_back(std::move(reading));
    }
  }

  TokenBatch next(int64_t tokens) override {
    TokenBatch batch;
    batch.starts = {0};
    while (batch.rows() < tokens) {
      if (current_ < 0) current_ = hungriest();
      Reading& reading = readings_[static_cast<size_t>(current_)];
      const auto [shard, begin, end] = reading.place();
      const int64_t left = end - begin - 1 - reading.row;
      const int64_t count = std::min({left, int64_t{length_}, tokens - batch.rows()});
      for (int64_t i = 0; i < count; ++i) {
        const int64_t at = begin + reading.row + i;
        batch.tokens.push_back(shard->token(at));
        batch.targets.push_back(shard->learned(at + 1) ? shard->token(at + 1) : -1);
        batch.positions.push_back(static_cast<int>(i));
      }
      if (count > 0) batch.starts.push_back(batch.rows());
      reading.row += count;
      reading.rows += count;
      if (count == left) {
        reading.next_document();
        current_ = -1;
      }
    }
    return batch;
  }

  int vocab_size() const override { return vocab_size_; }

  Json state() const override {
    Json sets = Json::array();
    for (const Reading& r : readings_)
      sets.push_back(
          {{"documents", r.documents()}, {"epoch", r.epoch}, {"index", r.index}, {"row", r.row}, {"rows", r.rows}});
    return {{"seed", seed_}, {"length", length_}, {"current", current_}, {"sets", std::move(sets)}};
  }

  void restore(const Json& state) override {
    const auto number = [](const Json& object, const char* key) -> int64_t {
      require(object.is_object() && object.contains(key) && object.at(key).is_number_integer(),
              "data: the saved position has no number '{}'", key);
      return object.at(key).get<int64_t>();
    };
    require(static_cast<uint64_t>(number(state, "seed")) == seed_ && number(state, "length") == length_,
            "data: the saved position is of another seed or length");
    require(state.contains("sets") && state.at("sets").is_array() && state.at("sets").size() == readings_.size(),
            "data: the saved position is not of {} sets of shards", readings_.size());
    std::vector<Reading> readings = readings_;
    for (size_t i = 0; i < readings.size(); ++i) {
      const Json& saved = state.at("sets")[i];
      Reading& r = readings[i];
      require(number(saved, "documents") == r.documents(), "data: the saved position is of {} documents, expected {}",
              number(saved, "documents"), r.documents());
      const int64_t epoch = number(saved, "epoch"), index = number(saved, "index"), row = number(saved, "row");
      require(epoch >= 0 && index >= 0 && index < r.documents() && number(saved, "rows") >= 0,
              "data: the saved position lies outside the data");
      r.epoch = static_cast<uint64_t>(epoch);
      r.index = static_cast<uint64_t>(index);
      const Reading::Place place = r.place();
      require(row >= 0 && row < place.end - place.begin, "data: the saved position lies outside its document");
      r.row = row;
      r.rows = number(saved, "rows");
    }
    const int64_t current = number(state, "current");
    require(current >= -1 && current < static_cast<int64_t>(readings.size()), "data: the saved position has no set {}",
            current);
    readings_ = std::move(readings);
    current_ = static_cast<int>(current);
  }

 private:
  int hungriest() const {
    size_t best = 0;
    const auto fed = [&](size_t i) { return static_cast<double>(readings_[i].rows) / readings_[i].set.weight; };
    for (size_t i = 1; i < readings_.size(); ++i)
      if (fed(i) < fed(best)) best = i;
    return static_cast<int>(best);
  }

  std::vector<Reading> readings_;
  int length_;
  uint64_t seed_;
  int vocab_size_ = 0;
  int current_ = -1;  // the set whose document is under way; -1: none
};

}  // namespace

ShardSet open_shard_set(const std::filesystem::path& folder, const std::string& split, double weight) {
  require(std::filesystem::is_directory(folder), "{}: no such folder", folder.string());
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(split + '-') && name.ends_with(".tokens")) paths.push_back(entry.path());
  }
  require(!paths.empty(), "{}: no shard {}-*.tokens", folder.string(), split);
  std::sort(paths.begin(), paths.end());
  ShardSet set{{}, weight};
  for (const std::filesystem::path& path : paths) set.shards.push_back(TokenShard::open(path));
  return set;
}

std::unique_ptr<TokenSource> make_shard_source(std::vector<ShardSet> sets, int length, uint64_t seed) {
  return std::make_unique<ShardSource>(std::move(sets), length, seed);
}

}  // namespace dure
