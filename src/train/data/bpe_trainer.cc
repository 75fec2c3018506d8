#include "train/data/bpe_trainer.h"

#include <algorithm>
#include <queue>
#include <span>
#include <unordered_map>

namespace dure {
namespace {

using Pair = uint64_t;  // left << 32 | right: smaller ids are smaller pairs
Pair pair_of(int left, int right) { return static_cast<uint64_t>(left) << 32 | static_cast<uint32_t>(right); }
int left_of(Pair pair) { return static_cast<int>(pair >> 32); }
int right_of(Pair pair) { return static_cast<int>(pair & 0xFFFFFFFF); }

struct Candidate {
  int64_t count;
  Pair pair;
  bool operator<(const Candidate& other) const {
    return count != other.count ? count < other.count : pair > other.pair;
  }
};

class BpeTrainer {
 public:
  BpeTrainer(const std::vector<CountedWord>& words, const BpeTrainerOptions& options) : options_(options) {
    for (int b = 0; b < 256; ++b) add_token(std::string(1, static_cast<char>(b)));
    for (const CountedWord& word : words) {
      begins_.push_back(symbols_.size());
      lengths_.push_back(static_cast<uint32_t>(word.bytes.size()));
      counts_.push_back(word.count);
      for (const char c : word.bytes) symbols_.push_back(static_cast<unsigned char>(c));
    }
    for (uint32_t word = 0; word < counts_.size(); ++word) count_pairs(word, 1);
    for (const auto& [pair, entry] : pairs_) offer(pair, entry.count);
  }

  LearnedMerges run() {
    const size_t wanted = 256 + static_cast<size_t>(std::max(options_.merges, 0));
    while (out_.tokens.size() < wanted && !heap_.empty()) {
      const Candidate best = heap_.top();
      heap_.pop();
      const int64_t count = pairs_.at(best.pair).count;
      if (count != best.count) {
        if (count < best.count) offer(best.pair, count);  // else the larger count has an entry of its own
        continue;
      }
      merge(best.pair);
      if (options_.progress) options_.progress(static_cast<int>(out_.tokens.size()) - 256);
    }
    return std::move(out_);
  }

 private:
  struct Entry {
    int64_t count = 0;
    std::vector<uint32_t> words;  // that hold the pair, or did; some twice
  };

  int add_token(std::string bytes) {
    const int id = static_cast<int>(out_.tokens.size());
    const auto [it, is_new] = ids_.try_emplace(bytes, id);
    if (is_new) {
      is_digit_.push_back(bytes.size() == 1 && bytes[0] >= '0' && bytes[0] <= '9');
      out_.tokens.push_back(std::move(bytes));
    }
    return it->second;  // two ways to make the same bytes are one token
  }

  bool may_merge(int left, int right) const {
    return !is_digit_[left] && !is_digit_[right] &&
           out_.tokens[left].size() + out_.tokens[right].size() <= static_cast<size_t>(options_.max_token_bytes);
  }

  void offer(Pair pair, int64_t count) {
    if (count >= std::max<int64_t>(options_.min_count, 1)) heap_.push({count, pair});
  }

  std::span<int> symbols_of(uint32_t word) { return std::span(symbols_).subspan(begins_[word], lengths_[word]); }

  /// Adds the word's pairs to the counts, or takes them away.
  void count_pairs(uint32_t word, int sign) {
    const std::span<const int> symbols = symbols_of(word);
    for (size_t i = 0; i + 1 < symbols.size(); ++i) {
      if (!may_merge(symbols[i], symbols[i + 1])) continue;
      Entry& entry = pairs_[pair_of(symbols[i], symbols[i + 1])];
      entry.count += sign * counts_[word];
      if (sign > 0 && (entry.words.empty() || entry.words.back() != word)) entry.words.push_back(word);
    }
  }

  void merge(Pair pair) {
    const int left = left_of(pair), right = right_of(pair);
    const int result = add_token(out_.tokens[left] + out_.tokens[right]);
    out_.rules.push_back({left, right, result});
    const std::vector<uint32_t> words = std::move(pairs_.at(pair).words);
    std::vector<Pair> grown;  // pairs with the result, which may be an old token
    for (const uint32_t word : words) {
      const std::span<int> symbols = symbols_of(word);
      const auto holds = [&](size_t i) {
        return i + 1 < symbols.size() && symbols[i] == left && symbols[i + 1] == right;
      };
      size_t first = 0;
      while (first < symbols.size() && !holds(first)) ++first;
      if (first == symbols.size()) continue;
      count_pairs(word, -1);
      size_t kept = first;
      for (size_t i = first; i < symbols.size(); ++kept) {
        const bool here = holds(i);
        symbols[kept] = here ? result : symbols[i];
        i += here ? 2 : 1;
      }
      lengths_[word] = static_cast<uint32_t>(kept);
      count_pairs(word, 1);
      for (size_t i = 0; i + 1 < kept; ++i)
        if (symbols[i] == result || symbols[i + 1] == result) grown.push_back(pair_of(symbols[i], symbols[i + 1]));
    }
    std::sort(grown.begin(), grown.end());
    grown.erase(std::unique(grown.begin(), grown.end()), grown.end());
    for (const Pair p : grown)
      if (const auto it = pairs_.find(p); it != pairs_.end()) offer(p, it->second.count);
  }

  const BpeTrainerOptions& options_;
  LearnedMerges out_;
  std::unordered_map<std::string, int> ids_;
  std::vector<bool> is_digit_;

  std::vector<int> symbols_;       // of all words, each shrinking in its place
  std::vector<size_t> begins_;     // by word
  std::vector<uint32_t> lengths_;  // by word
  std::vector<int64_t> counts_;    // by word
  std::unordered_map<Pair, Entry> pairs_;
  std::priority_queue<Candidate> heap_;
};

}  // namespace

LearnedMerges learn_merges(const std::vector<CountedWord>& words, const BpeTrainerOptions& options) {
  return BpeTrainer(words, options).run();
}

}  // namespace dure
