#include "sampling/grammar/grammar_masks.h"

#include <algorithm>
#include <utility>

#include "base/error.h"

namespace dure {

using grammar::kUnbounded;

namespace {

constexpr size_t kKeptBytes = size_t{16} << 20;

}  // namespace

GrammarMasks::GrammarMasks(std::shared_ptr<const grammar::CompiledGrammar> grammar,
                           std::shared_ptr<const TokenTrie> trie)
    : grammar_(std::move(grammar)), trie_(std::move(trie)), recognizer_(grammar_) {}

const grammar::TokenScan& GrammarMasks::leaf_scan(int state) {
  auto& scan = leaf_scans_[state];
  if (!scan) scan = trie_->leaf_scans().get(*grammar_, *trie_, state);
  return *scan;
}

GrammarMasks::Key GrammarMasks::key(int state, int count) {
  const auto& machine = grammar_->machine_of(state);
  if (!machine.counts()) return {state, 0};
  if (machine.leaf) {
    const auto& needs = leaf_scan(state).needs;
    const int left = machine.max == kUnbounded ? kUnbounded : machine.max - count;
    return {state, needs.empty() ? 0 : std::min(left, needs.back())};  // more makes no difference
  }
  // Where no token reaches a bound, all counts are the same.
  const int reach = trie_->max_length() + machine.most_needed;
  if (machine.max != kUnbounded && machine.max - count <= reach) return {state, count};
  if (count >= machine.min) return {state, machine.min};
  return {state, machine.min - count > reach ? 0 : count};
}

GrammarMasks::Frame GrammarMasks::make(const Key& key) {
  if (!grammar_->machine_of(key.state).leaf) {
    grammar::TokenScan scan = scan_tokens(recognizer_, *trie_, key.state, key.count);
    return {std::move(scan.all), std::move(scan.exits)};
  }
  const grammar::TokenScan& scan = leaf_scan(key.state);
  if (scan.needs.empty() || key.count == scan.needs.back()) return {scan.all, scan.exits};
  const auto many = std::upper_bound(scan.needs.begin(), scan.needs.end(), key.count) - scan.needs.begin();
  return {grammar::TokenSet({scan.ids.begin(), scan.ids.begin() + many}, trie_->vocab_size()), scan.exits};
}

std::shared_ptr<const GrammarMasks::Frame> GrammarMasks::frame(int state, int count) {
  const std::lock_guard lock(mutex_);
  const Key k = key(state, count);
  if (const auto known = index_.find(k); known != index_.end()) {
    recent_.splice(recent_.begin(), recent_, known->second);
    return recent_.front().second;
  }
  auto frame = std::make_shared<const Frame>(make(k));
  recent_.emplace_front(k, frame);
  index_[k] = recent_.begin();
  for (bytes_ += frame->tokens.bytes(); bytes_ > kKeptBytes && recent_.size() > 1; recent_.pop_back()) {
    bytes_ -= recent_.back().second->tokens.bytes();
    index_.erase(recent_.back().first);
  }
  return frame;
}

void GrammarMasks::prepare(std::chrono::milliseconds time) {
  const auto end = std::chrono::steady_clock::now() + time;
  // Leaves come first: other machines are made of them, and other grammars have them too.
  for (const bool leaf : {true, false})
    for (int state = 0; state + 1 < static_cast<int>(grammar_->states.size()); ++state) {
      if (std::chrono::steady_clock::now() >= end) return;
      if (grammar_->machine_of(state).leaf != leaf) continue;
      try {
        frame(state, 0);
      } catch (const Error&) {  // too ambiguous: an answer that gets there, if one does, will say so
      }
    }
}

std::shared_ptr<const TriggerTokens> GrammarMasks::trigger(const std::string& text) {
  const std::lock_guard lock(mutex_);
  auto& tokens = triggers_[text];
  if (!tokens) tokens = std::make_shared<const TriggerTokens>(text, *trie_);
  return tokens;
}

}  // namespace dure
