#include "text/bpe.h"

#include <algorithm>
#include <bit>
#include <queue>

#include "base/error.h"
#include "base/utf8.h"
#include "text/byte_level.h"

namespace dure {
namespace {

constexpr uint64_t pair_of(int left, int right) {
  return uint64_t{static_cast<uint32_t>(left)} << 32 | static_cast<uint32_t>(right);
}

/// Spreads all bits (the finaliser of MurmurHash3).
constexpr uint64_t mix(uint64_t x) {
  x = (x ^ (x >> 33)) * 0xff51afd7ed558ccdULL;
  x = (x ^ (x >> 33)) * 0xc4ceb9fe1a85ec53ULL;
  return x ^ (x >> 33);
}

}  // namespace

Bpe::Bpe(const TokenizerSpec& spec, bool bytes)
    : bytes_(bytes),
      ignore_merges_(spec.ignore_merges),
      byte_fallback_(spec.byte_fallback),
      fuse_unk_(spec.fuse_unk),
      unk_id_(spec.unk_id),
      cache_(std::make_unique<WordCache>()) {
  // In byte mode only tokens written in the alphabet can be reached; "<｜end｜>" in the vocabulary can not.
  texts_.reserve(spec.tokens.size());
  for (const std::string& token : spec.tokens)
    texts_.push_back(bytes ? characters_to_bytes(token).value_or(std::string()) : token);
  ids_.reserve(texts_.size());
  for (size_t id = 0; id < texts_.size(); ++id)
    if (!texts_[id].empty()) ids_.emplace(texts_[id], static_cast<int>(id));

  for (int b = 0; b < 256; ++b) {
    const std::string name = bytes ? std::string(1, static_cast<char>(b)) : fmt::format("<0x{:02X}>", b);
    const auto it = ids_.find(name);
    byte_ids_[b] = it == ids_.end() ? -1 : it->second;
  }

  rules_.resize(std::bit_ceil(spec.merges.size() * 3 / 2 + 1));
  for (const Merge& merge : spec.merges) {
    const uint64_t pair = pair_of(merge.left, merge.right);
    size_t slot = mix(pair) & (rules_.size() - 1);
    while (rules_[slot].pair != kNoPair && rules_[slot].pair != pair) slot = (slot + 1) & (rules_.size() - 1);
    rules_[slot] = {pair, merge.rank, merge.result};  // of a rule given twice the last counts
  }
}

Bpe::~Bpe() = default;
Bpe::Bpe(Bpe&&) noexcept = default;

const Bpe::Rule* Bpe::find_rule(int left, int right) const {
  const uint64_t pair = pair_of(left, right);
  for (size_t slot = mix(pair);; ++slot) {
    const Rule& rule = rules_[slot & (rules_.size() - 1)];
    if (rule.pair == pair) return &rule;
    if (rule.pair == kNoPair) return nullptr;
  }
}

void Bpe::encode(std::string_view piece, std::vector<int>& out) const {
  if (piece.empty()) return;
  if (ignore_merges_) {
    if (const auto it = ids_.find(piece); it != ids_.end()) return out.push_back(it->second);
  }
  const bool cacheable = piece.size() <= WordCache::kMaxWordBytes;
  if (cacheable && cache_->find(piece, out)) return;
  std::vector<int> symbols;
  append_symbols(piece, symbols);
  merge(symbols);
  out.insert(out.end(), symbols.begin(), symbols.end());
  if (cacheable) cache_->put(piece, std::move(symbols));
}

void Bpe::append_symbols(std::string_view piece, std::vector<int>& out) const {
  out.reserve(piece.size());
  bool after_unk = false;
  const auto unknown = [&] {
    if (unk_id_ >= 0 && !(fuse_unk_ && after_unk)) out.push_back(unk_id_);
    after_unk = true;
  };
  if (bytes_) {
    for (const char c : piece) {
      const int id = byte_ids_[static_cast<unsigned char>(c)];
      id >= 0 ? (out.push_back(id), after_unk = false) : (unknown(), true);
    }
    return;
  }
  for (size_t at = 0; at < piece.size();) {
    const size_t begin = at;
    next_utf8(piece, at);
    const std::string_view character = piece.substr(begin, at - begin);
    if (const auto it = ids_.find(character); it != ids_.end()) {
      out.push_back(it->second);
      after_unk = false;
      continue;
    }
    const auto has_token = [&](char c) { return byte_ids_[static_cast<unsigned char>(c)] >= 0; };
    if (byte_fallback_ && std::all_of(character.begin(), character.end(), has_token)) {
      for (const char c : character) out.push_back(byte_ids_[static_cast<unsigned char>(c)]);
    } else {
      unknown();
    }
  }
}

/// `symbols` becomes a linked list; a heap holds every pair that could merge. An entry is stale if its left symbol has
/// changed since, which shows in the pair's rule no longer being the entry's.
void Bpe::merge(std::vector<int>& symbols) const {
  struct Candidate {
    int rank, position;
    const Rule* rule;
    bool operator<(const Candidate& other) const {  // the top of the heap is the lowest rank, then the leftmost
      return rank != other.rank ? rank > other.rank : position > other.position;
    }
  };
  constexpr int kMerged = -1, kEnd = -1;
  const int n = static_cast<int>(symbols.size());
  if (n < 2) return;

  std::vector<Candidate> candidates;
  for (int i = 0; i + 1 < n; ++i)
    if (const Rule* rule = find_rule(symbols[i], symbols[i + 1])) candidates.push_back({rule->rank, i, rule});
  if (candidates.empty()) return;
  std::priority_queue heap(std::less<Candidate>(), std::move(candidates));

  std::vector<int> previous(n), next(n);
  for (int i = 0; i < n; ++i) previous[i] = i - 1, next[i] = i + 1 < n ? i + 1 : kEnd;

  while (!heap.empty()) {
    const Candidate top = heap.top();
    heap.pop();
    const int left = top.position, right = next[left];
    if (symbols[left] == kMerged || right == kEnd || pair_of(symbols[left], symbols[right]) != top.rule->pair) continue;
    symbols[left] = top.rule->result;
    symbols[right] = kMerged;
    next[left] = next[right];
    if (next[left] != kEnd) {
      previous[next[left]] = left;
      if (const Rule* rule = find_rule(symbols[left], symbols[next[left]])) heap.push({rule->rank, left, rule});
    }
    if (previous[left] != kEnd)
      if (const Rule* rule = find_rule(symbols[previous[left]], symbols[left]))
        heap.push({rule->rank, previous[left], rule});
  }
  std::erase(symbols, kMerged);
}

}  // namespace dure
