#include "engine/prefix_search.h"

#include <algorithm>

namespace dure {
namespace {

constexpr int kBlock = KVCache::kBlockSize;

class Search {
 public:
  Search(const PrefixCache& memory, const DiskCache* disk, std::span<const int> tokens, int limit,
         std::span<const RowKind> kinds)
      : memory_(memory), disk_(disk), tokens_(tokens), limit_(limit), kinds_(kinds) {}

  PrefixPlan run(const BlockKey& root) {
    // Depth first, preferred blocks first: the first path of the greatest length wins.
    std::vector<Candidate> stack;
    visit(root, 0, stack);
    while (!stack.empty()) {
      const Candidate c = std::move(stack.back());
      stack.pop_back();
      path_.resize(static_cast<size_t>(c.depth));
      path_.push_back(c);
      visit(c.block.key, c.depth + 1, stack);
    }
    return std::move(best_);
  }

 private:
  struct Candidate {
    PlannedBlock block;
    RowKinds kinds;
    int depth;  // blocks before it
  };

  /// Pushes what may follow a block, the preferred last; where nothing does, the path ends here.
  void visit(const BlockKey& parent, int depth, std::vector<Candidate>& stack) {
    const size_t before = stack.size();
    const int begin = depth * kBlock;
    if (begin + kBlock <= limit_) full_blocks(parent, depth, stack);
    if (stack.size() > before) {
      std::ranges::sort(stack.begin() + static_cast<long>(before), stack.end(),
                        [](const Candidate& a, const Candidate& b) { return b.kinds.before(a.kinds); });
    } else {
      end_path(parent, begin);
    }
  }

  void full_blocks(const BlockKey& parent, int depth, std::vector<Candidate>& stack) const {
    const size_t before = stack.size();
    const std::span<const int> tokens = tokens_.subspan(static_cast<size_t>(depth) * kBlock, kBlock);
    for (const int block : memory_.children(parent)) {
      const PrefixCache::Entry& entry = *memory_.find(block);
      if (entry.full() && std::ranges::equal(entry.tokens, tokens) && allowed(entry.kinds, depth * kBlock, kBlock))
        stack.push_back({{block, {}, entry.key}, entry.kinds, depth});
    }
    if (disk_ == nullptr) return;
    const BlockKey name = token_key(parent, tokens);
    for (const RowKinds& kinds : disk_->find(name, kBlock)) {
      const bool in_memory = std::any_of(stack.begin() + static_cast<long>(before), stack.end(),
                                         [&](const Candidate& c) { return c.kinds == kinds; });
      if (!in_memory && allowed(kinds, depth * kBlock, kBlock))
        stack.push_back({{-1, {name, kinds, kBlock}, block_key(name, kinds)}, kinds, depth});
    }
  }

  /// Whether the first `rows` rows of a block are of the kinds that were asked for.
  bool allowed(const RowKinds& kinds, int begin, int rows) const {
    for (int i = 0; i < rows && !kinds_.empty(); ++i)
      if (kinds[i] != kinds_[static_cast<size_t>(begin + i)]) return false;
    return true;
  }

  struct Tail {
    PlannedBlock block;
    RowKinds kinds;
    int rows = 0;
  };
  static bool better(const Tail& a, const Tail& b) {
    return a.rows != b.rows ? a.rows > b.rows : a.kinds.before(b.kinds);
  }

  void end_path(const BlockKey& parent, int begin) {
    // A tail is shorter than a block, so a path of fewer blocks is no longer.
    if (begin + kBlock <= best_.rows()) return;
    const Tail tail = find_tail(parent, begin);
    if (begin + tail.rows <= best_.rows()) return;
    best_ = {};
    for (const Candidate& c : path_) {
      best_.full.push_back(c.block);
      for (int i = 0; i < kBlock; ++i) best_.kinds.push_back(c.kinds[i]);
    }
    if (tail.rows > 0) best_.tail = tail.block;
    best_.tail_rows = tail.rows;
    for (int i = 0; i < tail.rows; ++i) best_.kinds.push_back(tail.kinds[i]);
  }

  /// The block after `parent` that shares most of the next tokens.
  Tail find_tail(const BlockKey& parent, int begin) const {
    Tail best;
    const int room = std::min(limit_ - begin, kBlock);
    if (room <= 0) return best;
    for (const int block : memory_.children(parent)) {
      const PrefixCache::Entry& entry = *memory_.find(block);
      const int most = std::min(room, static_cast<int>(entry.tokens.size()));
      int rows = 0;
      while (rows < most && entry.tokens[static_cast<size_t>(rows)] == tokens_[static_cast<size_t>(begin + rows)] &&
             (kinds_.empty() || entry.kinds[rows] == kinds_[static_cast<size_t>(begin + rows)]))
        ++rows;
      const Tail tail{{block, {}, {}}, entry.kinds, rows};
      if (better(tail, best)) best = tail;
    }
    if (disk_ != nullptr) find_tail_on_disk(parent, begin, room, best);
    return best;
  }

  /// There a block is known by all its tokens: each number of them is asked for.
  void find_tail_on_disk(const BlockKey& parent, int begin, int room, Tail& best) const {
    TokenHash hash(parent);
    const int most = std::min(static_cast<int>(tokens_.size()) - begin, kBlock);
    for (int rows = 1; rows <= most; ++rows) {
      hash.add(tokens_.subspan(static_cast<size_t>(begin + rows - 1), 1));
      const int useful = std::min(rows, room);
      if (useful < best.rows) continue;
      const BlockKey name = hash.key();
      for (const RowKinds& kinds : disk_->find(name, rows)) {
        const Tail tail{{-1, {name, kinds, rows}, {}}, kinds, useful};
        if (allowed(kinds, begin, useful) && better(tail, best)) best = tail;
      }
    }
  }

  const PrefixCache& memory_;
  const DiskCache* disk_;
  std::span<const int> tokens_;
  int limit_;
  std::span<const RowKind> kinds_;
  std::vector<Candidate> path_;
  PrefixPlan best_;
};

}  // namespace

PrefixPlan find_prefix(const PrefixCache& memory, const DiskCache* disk, const BlockKey& root,
                       std::span<const int> tokens, int limit, std::span<const RowKind> kinds) {
  return Search(memory, disk, tokens, limit, kinds).run(root);
}

}  // namespace dure
