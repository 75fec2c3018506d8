#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace dure {

/// A piece of text that merges may not cross, and how often it occurs.
struct CountedWord {
  std::string bytes;
  int64_t count = 0;
};

struct BpeTrainerOptions {
  int merges = 7872;         ///< tokens to make; fewer if no pair is left
  int max_token_bytes = 16;  ///< a pair whose bytes are more never merges
  int64_t min_count = 2;     ///< nor does one that occurs more rarely
  std::function<void(int done)> progress;
};

/// What byte-pair encoding learned. Ids 0 to 255 are the bytes; each further token is known by the merge that made it.
struct LearnedMerges {
  struct Rule {
    int left, right, result;
  };
  std::vector<std::string> tokens;  ///< bytes of each id; all differ
  std::vector<Rule> rules;          ///< in the order of their ranks
};

/// Byte-pair encoding (Sennrich, Haddow and Birch, "Neural machine translation of rare words with subword units", ACL
/// 2016) over bytes: again and again the most frequent pair of neighbours becomes one token; of equally frequent ones
/// that with the smallest ids. Every digit stays a token of its own, so that numbers look alike wherever they stand.
/// The result is a function of the set of words and counts alone.
///
/// Each round visits only the words that hold the pair: a heap has the pairs by count, whose entries are corrected
/// when they come up (counts of old pairs only fall).
LearnedMerges learn_merges(const std::vector<CountedWord>& words, const BpeTrainerOptions& options);

}  // namespace dure
