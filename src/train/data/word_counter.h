#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/threads.h"
#include "text/pre_tokenizer.h"
#include "train/data/bpe_trainer.h"

namespace dure {

/// Counts the pieces into which a tokenizer cuts text, for learn_merges. The counts do not depend on the number of
/// threads. Not thread-safe itself.
class WordCounter {
 public:
  /// Longer pieces (unbroken runs of one script, or of signs) are cut into parts of at most this many bytes, which
  /// costs the few pairs at the cuts and bounds the time of a merge.
  static constexpr size_t kMaxWordBytes = 128;

  /// `max_words`: where more different words than this are known, those that occurred once are forgotten.
  /// REQUIRES: `cut` and `pool` outlive this.
  WordCounter(const PreTokenizer& cut, ThreadPool& pool, size_t max_words = size_t{4} << 20)
      : cut_(cut), pool_(pool), max_words_(max_words) {}

  /// Text that is not UTF-8 counts with U+FFFD in it.
  void add(std::string_view text);

  /// All words so far, in the order of their bytes.
  std::vector<CountedWord> words();

 private:
  void count_batch();

  const PreTokenizer& cut_;
  ThreadPool& pool_;
  size_t max_words_;
  std::vector<std::string> batch_;
  size_t batch_bytes_ = 0;
  std::unordered_map<std::string, int64_t> counts_;
};

}  // namespace dure
