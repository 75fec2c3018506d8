#include "sampling/grammar/token_scan.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <utility>

namespace dure::grammar {
namespace {

/// Joins subtrees of the vocabulary that begin at different places into one tree.
class ExitTree {
 public:
  /// The node and all below it, read behind `count` counted steps.
  void add(const TokenTrie& trie, size_t node, int count) {
    const auto nodes = trie.nodes();
    std::vector<int> path{0};
    const size_t top = nodes[node].depth;
    for (size_t i = node; i < nodes[node].end; ++i) {
      path.resize(nodes[i].depth - top + 1);
      const int at = child(path.back(), nodes[i].byte);
      path.push_back(at);
      for (const int id : trie.tokens_at(i)) tree_[size_t(at)].tokens.push_back({id, count});
    }
  }

  TokenExits flatten() const {
    TokenExits out;
    struct Frame {
      int node;
      size_t next, number;
    };
    std::vector<Frame> stack{{0, 0, 0}};
    while (!stack.empty()) {
      Frame& f = stack.back();
      const auto& children = tree_[size_t(f.node)].children;
      if (f.next == children.size()) {
        if (stack.size() > 1) out.nodes[f.number].end = uint32_t(out.nodes.size());
        stack.pop_back();
        continue;
      }
      const auto [byte, node] = children[f.next++];
      out.nodes.push_back({byte, uint16_t(stack.size()), 0, uint32_t(out.tokens.size())});
      const auto& tokens = tree_[size_t(node)].tokens;
      out.tokens.insert(out.tokens.end(), tokens.begin(), tokens.end());
      stack.push_back({node, 0, out.nodes.size() - 1});
    }
    out.nodes.push_back({0, 0, uint32_t(out.nodes.size()) + 1, uint32_t(out.tokens.size())});
    return out;
  }

 private:
  struct Node {
    std::vector<std::pair<uint8_t, int>> children;
    std::vector<TokenExits::Token> tokens;
  };
  int child(int node, uint8_t byte) {
    auto& children = tree_[size_t(node)].children;
    const auto at = std::lower_bound(children.begin(), children.end(), std::pair(byte, 0));
    if (at != children.end() && at->first == byte) return at->second;
    const int number = int(tree_.size());
    children.insert(at, {byte, number});
    tree_.emplace_back();
    return number;
  }

  std::vector<Node> tree_{1};
};

/// Notes which children of a node may be read by callers.
void add_exits(ExitTree& exits, const TokenTrie& trie, size_t node, const std::bitset<256>& follow, int count) {
  const auto nodes = trie.nodes();
  for (size_t c = node + 1; c < nodes[node].end; c = nodes[c].end)
    if (follow[nodes[c].byte]) exits.add(trie, c, count);
}

}  // namespace

TokenSet::TokenSet(std::vector<int> ids, int vocab_size) {
  ids.shrink_to_fit();
  if (ids.size() < size_t(vocab_size) / 32) {
    ids_ = std::move(ids);
    return;
  }
  words_.resize((size_t(vocab_size) + 63) / 64);
  for (const int id : ids) words_[size_t(id) / 64] |= uint64_t{1} << (id % 64);
}

void TokenSet::add_to(std::vector<uint64_t>& mask) const {
  for (size_t i = 0; i < words_.size(); ++i) mask[i] |= words_[i];
  for (const int id : ids_) mask[size_t(id) / 64] |= uint64_t{1} << (id % 64);
}

TokenScan scan_tokens(Recognizer& recognizer, const TokenTrie& trie, int state, int count) {
  constexpr size_t kMuch = 200'000;
  if (recognizer.size() > kMuch) recognizer.compact(Recognizer::kDead);
  std::vector<int> ids;
  ExitTree exits;
  const auto& follow = recognizer.grammar().machine_of(state).follow;
  const auto nodes = trie.nodes();
  std::vector<Recognizer::Position> path(size_t(trie.max_length()) + 1);
  path[0] = recognizer.inside(state, count);
  for (size_t i = 0; i < trie.size();) {
    const TokenTrie::Node& node = nodes[i];
    const auto at = recognizer.step(path[node.depth - 1u], node.byte);
    if (at == Recognizer::kDead) {
      i = node.end;
      continue;
    }
    path[node.depth] = at;
    for (const int id : trie.tokens_at(i)) ids.push_back(id);
    if (recognizer.accepting(at)) add_exits(exits, trie, i, follow, 0);
    ++i;
  }
  return {TokenSet(std::move(ids), trie.vocab_size()), {}, {}, std::make_shared<TokenExits>(exits.flatten())};
}

TokenScan scan_tokens_of_leaf(const CompiledGrammar& grammar, const TokenTrie& trie, int state) {
  const CompiledGrammar::Machine& machine = grammar.machine_of(state);
  const auto nodes = trie.nodes();
  struct Place {
    int state, count;
  };
  std::vector<Place> path(size_t(trie.max_length()) + 1);
  path[0] = {state, 0};
  std::vector<std::pair<int, int>> found;  // what it needs, and the token
  ExitTree exits;
  for (size_t i = 0; i < trie.size();) {
    const TokenTrie::Node& node = nodes[i];
    const Place from = path[node.depth - 1u];
    const auto [target, counted] = grammar.step(from.state, node.byte);
    if (target < 0) {
      i = node.end;
      continue;
    }
    const int count = from.count + int(counted);
    path[node.depth] = {target, count};
    const CompiledGrammar::State& s = grammar.states[size_t(target)];
    for (uint32_t t = node.first_token; t < nodes[i + 1].first_token; ++t)
      found.emplace_back(machine.counts() ? count + s.needed : 0, trie.ordered_tokens()[t]);
    if (s.accepting && machine.follow.any()) add_exits(exits, trie, i, machine.follow, count);
    ++i;
  }
  if (machine.counts()) std::sort(found.begin(), found.end());
  TokenScan scan;
  std::vector<int> ids;
  ids.reserve(found.size());
  for (const auto& [need, id] : found) ids.push_back(id);
  if (machine.counts()) {
    scan.ids = ids;
    scan.needs.reserve(found.size());
    for (const auto& [need, id] : found) scan.needs.push_back(need);
  }
  scan.all = TokenSet(std::move(ids), trie.vocab_size());
  scan.exits = std::make_shared<TokenExits>(exits.flatten());
  return scan;
}

size_t TokenScan::bytes() const {
  return all.bytes() + (ids.size() + needs.size()) * sizeof(int) + exits->nodes.size() * sizeof(TokenExits::Node) +
         exits->tokens.size() * sizeof(TokenExits::Token);
}

std::shared_ptr<const TokenScan> LeafScans::get(const CompiledGrammar& grammar, const TokenTrie& trie, int state) {
  constexpr size_t kKept = size_t{64} << 20;
  const CompiledGrammar::Machine& machine = grammar.machine_of(state);
  // Of the callers, only what they may read matters.
  Key key{machine.content + machine.follow.to_string(), grammar.states[size_t(state)].row};
  const std::lock_guard lock(mutex_);
  if (const auto known = index_.find(key); known != index_.end()) {
    recent_.splice(recent_.begin(), recent_, known->second);
    return known->second->second;
  }
  auto scan = std::make_shared<const TokenScan>(scan_tokens_of_leaf(grammar, trie, state));
  recent_.emplace_front(key, scan);
  index_.emplace(std::move(key), recent_.begin());
  const auto cost = [](const Item& item) { return 2 * item.first.machine.size() + item.second->bytes(); };
  for (bytes_ += cost(recent_.front()); bytes_ > kKept && recent_.size() > 1; recent_.pop_back()) {
    bytes_ -= cost(recent_.back());
    index_.erase(recent_.back().first);
  }
  return scan;
}

}  // namespace dure::grammar
