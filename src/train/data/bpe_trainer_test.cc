#include "train/data/bpe_trainer.h"

#include <gmock/gmock.h>

#include <map>

#include "base/rng.h"

namespace dure {
namespace {

/// The definition, word by word and round by round.
LearnedMerges learn_slowly(const std::vector<CountedWord>& words, const BpeTrainerOptions& options) {
  LearnedMerges out;
  for (int b = 0; b < 256; ++b) out.tokens.push_back(std::string(1, static_cast<char>(b)));
  std::vector<std::vector<int>> split;
  for (const CountedWord& word : words) {
    split.emplace_back();
    for (const char c : word.bytes) split.back().push_back(static_cast<unsigned char>(c));
  }
  const auto is_digit = [&](int id) { return id >= '0' && id <= '9'; };
  while (out.tokens.size() < 256 + static_cast<size_t>(options.merges)) {
    std::map<std::pair<int, int>, int64_t> counts;
    for (size_t w = 0; w < words.size(); ++w)
      for (size_t i = 0; i + 1 < split[w].size(); ++i) {
        const int a = split[w][i], b = split[w][i + 1];
        const size_t bytes = out.tokens[a].size() + out.tokens[b].size();
        if (!is_digit(a) && !is_digit(b) && bytes <= static_cast<size_t>(options.max_token_bytes))
          counts[{a, b}] += words[w].count;
      }
    std::pair<int, int> best;
    int64_t most = 0;
    for (const auto& [pair, count] : counts)
      if (count > most) best = pair, most = count;
    if (most < options.min_count) break;
    const std::string bytes = out.tokens[best.first] + out.tokens[best.second];
    const auto known = std::find(out.tokens.begin(), out.tokens.end(), bytes);
    const int result = static_cast<int>(known - out.tokens.begin());
    if (known == out.tokens.end()) out.tokens.push_back(bytes);
    out.rules.push_back({best.first, best.second, result});
    for (std::vector<int>& symbols : split) {
      std::vector<int> merged;
      for (size_t i = 0; i < symbols.size(); ++i) {
        const bool here = i + 1 < symbols.size() && symbols[i] == best.first && symbols[i + 1] == best.second;
        merged.push_back(here ? result : symbols[i]);
        i += here;
      }
      symbols = merged;
    }
  }
  return out;
}

std::vector<int> flat(const LearnedMerges& learned) {
  std::vector<int> ids;
  for (const auto& [left, right, result] : learned.rules) ids.insert(ids.end(), {left, right, result});
  return ids;
}

TEST(BpeTrainer, LearnsWhatTheDefinitionDoes) {
  for (uint64_t seed = 0; seed < 60; ++seed) {
    Rng rng(seed);
    std::vector<CountedWord> words;
    const int letters = 2 + static_cast<int>(rng.below(5));
    for (int w = 0; w < 40; ++w) {
      std::string word;
      for (uint64_t n = 1 + rng.below(14); n > 0; --n) word += "abcd1ef"[rng.below(static_cast<uint64_t>(letters))];
      words.push_back({word, 1 + static_cast<int64_t>(rng.below(5))});
    }
    BpeTrainerOptions options;
    options.merges = 60;
    options.max_token_bytes = 2 + static_cast<int>(seed % 9);
    options.min_count = 1 + static_cast<int>(seed % 3);
    const LearnedMerges fast = learn_merges(words, options), slow = learn_slowly(words, options);
    EXPECT_EQ(fast.tokens, slow.tokens) << seed;
    EXPECT_EQ(flat(fast), flat(slow)) << seed;
    for (size_t i = 256; i < fast.tokens.size(); ++i) EXPECT_EQ(fast.tokens[i].find('1'), std::string::npos);
  }
}

TEST(BpeTrainer, HasNothingToLearnFromNothing) {
  EXPECT_EQ(learn_merges({}, {}).tokens.size(), 256U);
  EXPECT_TRUE(learn_merges({{"a", 100}, {"12", 100}}, {}).rules.empty());
}

}  // namespace
}  // namespace dure
