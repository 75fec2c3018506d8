#include "train/data/word_counter.h"

#include <algorithm>

#include "base/utf8.h"

namespace dure {
namespace {

constexpr size_t kBatchBytes = size_t{8} << 20, kPartBytes = size_t{1} << 16;

using Counts = std::unordered_map<std::string_view, int64_t>;

/// Counts a piece, in parts that begin with a character.
void count(std::string_view piece, Counts& counts) {
  while (piece.size() > WordCounter::kMaxWordBytes) {
    size_t end = WordCounter::kMaxWordBytes;
    while ((static_cast<unsigned char>(piece[end]) & 0xC0) == 0x80) --end;
    ++counts[piece.substr(0, end)];
    piece.remove_prefix(end);
  }
  ++counts[piece];
}

}  // namespace

void WordCounter::add(std::string_view text) {
  std::string replaced;
  if (!is_utf8(text)) text = replaced = sanitize_utf8(text);
  while (!text.empty()) {  // at line ends, where every pre-tokenizer cuts, or nearly
    size_t end = text.size() > kPartBytes ? text.find('\n', kPartBytes) : text.npos;
    end = end == text.npos ? text.size() : end + 1;
    batch_.emplace_back(text.substr(0, end));
    batch_bytes_ += end;
    text.remove_prefix(end);
    if (batch_bytes_ >= kBatchBytes) count_batch();
  }
}

void WordCounter::count_batch() {
  const int64_t texts = static_cast<int64_t>(batch_.size());
  const int64_t grain = std::max<int64_t>(1, (texts + 15) / 16);
  struct Part {
    PreTokenizer::Pieces pieces;
    Counts counts;
  };
  std::vector<Part> parts(static_cast<size_t>((texts + grain - 1) / grain));
  pool_.parallel_for(texts, grain, [&](int64_t begin, int64_t end) {
    Part& part = parts[static_cast<size_t>(begin / grain)];
    for (int64_t i = begin; i < end; ++i) {
      part.pieces = cut_(batch_[static_cast<size_t>(i)], true);
      for (const std::string_view piece : part.pieces.views) count(piece, part.counts);
    }
  });
  for (const Part& part : parts)
    for (const auto& [word, n] : part.counts) counts_[std::string(word)] += n;
  batch_.clear();
  batch_bytes_ = 0;
  if (counts_.size() > max_words_) std::erase_if(counts_, [](const auto& entry) { return entry.second == 1; });
}

std::vector<CountedWord> WordCounter::words() {
  count_batch();
  std::vector<CountedWord> words;
  words.reserve(counts_.size());
  for (const auto& [word, n] : counts_) words.push_back({word, n});
  std::sort(words.begin(), words.end(), [](const CountedWord& a, const CountedWord& b) { return a.bytes < b.bytes; });
  return words;
}

}  // namespace dure
