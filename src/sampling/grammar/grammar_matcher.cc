#include "sampling/grammar/grammar_matcher.h"

#include <algorithm>

#include "base/error.h"

namespace dure {

using grammar::Recognizer;
using grammar::TokenExits;

GrammarMatcher::GrammarMatcher(std::shared_ptr<GrammarMasks> masks, int vocab_size, MatcherOptions options)
    : masks_(std::move(masks)),
      trie_(masks_->trie()),
      options_(std::move(options)),
      recognizer_(masks_->grammar()),
      mask_((size_t(vocab_size) + 63) / 64) {
  require(trie_.vocab_size() <= vocab_size, "the tokenizer has {} tokens, the model {}", trie_.vocab_size(),
          vocab_size);
  if (options_.trigger_token >= 0 || !options_.trigger.empty()) {
    mode_ = Mode::free;
  } else {
    begin();
  }
}

void GrammarMatcher::begin() {
  mode_ = Mode::bound;
  at_ = recognizer_.start();
  seen_.clear();
}

std::span<const uint64_t> GrammarMatcher::mask() {
  if (mode_ == Mode::free && options_.trigger.empty()) return {};
  if (!mask_is_made_) make_mask();
  mask_is_made_ = true;
  return mask_;
}

void GrammarMatcher::make_mask() {
  std::fill(mask_.begin(), mask_.end(), 0);
  const auto allow = [&](int id) { mask_[size_t(id) / 64] |= uint64_t{1} << (id % 64); };
  if (mode_ == Mode::bound) {
    const std::vector<grammar::Thread> readers(recognizer_.readers(at_).begin(), recognizer_.readers(at_).end());
    for (const grammar::Thread& thread : readers) {
      const auto frame = masks_->frame(thread.state, thread.count);
      frame->tokens.add_to(mask_);
      add_exits(*frame, thread);
    }
    const auto& g = recognizer_.grammar();
    for (const grammar::Thread& t : recognizer_.threads(at_))
      for (int i = g.states[size_t(t.state)].tokens; i < g.states[size_t(t.state) + 1].tokens; ++i)
        if (const int id = g.tokens[size_t(i)].id; size_t(id) < mask_.size() * 64) allow(id);
  }
  if (mode_ == Mode::over || recognizer_.accepting(at_))
    for (const int id : trie_.end_tokens()) allow(id);
  const bool some = std::any_of(mask_.begin(), mask_.end(), [](uint64_t word) { return word != 0; });
  require(some || complete(), "no token of the vocabulary can continue the answer as the grammar demands");
}

/// Tokens that end the machine on top and go on with its callers.
void GrammarMatcher::add_exits(const GrammarMasks::Frame& frame, const grammar::Thread& thread) {
  const TokenExits& exits = *frame.exits;
  if (exits.tokens.empty()) return;
  const auto& machine = masks_->grammar()->machine_of(thread.state);
  const int least = machine.min - thread.count;
  const int most = machine.max == grammar::kUnbounded ? machine.max : machine.max - thread.count;
  std::vector<Position> path{recognizer_.behind(thread.stack)};
  for (size_t i = 0; i + 1 < exits.nodes.size();) {
    const TokenExits::Node& node = exits.nodes[i];
    path.resize(node.depth);
    const Position at = recognizer_.step(path.back(), node.byte);
    if (at == Recognizer::kDead) {
      i = node.end;
      continue;
    }
    path.push_back(at);
    for (uint32_t t = node.first_token; t < exits.nodes[i + 1].first_token; ++t)
      if (const auto [id, count] = exits.tokens[t]; !machine.leaf || (count >= least && count <= most))
        mask_[size_t(id) / 64] |= uint64_t{1} << (id % 64);
    ++i;
  }
}

GrammarMatcher::Position GrammarMatcher::after(Position at, int id) {
  const Position by_token = recognizer_.step_token(at, id);
  if (id >= trie_.vocab_size() || trie_.bytes(id).empty()) return by_token;
  Position by_bytes = at;
  for (const char c : trie_.bytes(id)) by_bytes = recognizer_.step(by_bytes, uint8_t(c));
  return recognizer_.either(by_token, by_bytes);
}

void GrammarMatcher::accept(int id) {
  mask_is_made_ = false;
  if (mode_ == Mode::free) return accept_free(id);
  const auto ends = trie_.end_tokens();
  const bool is_end = std::find(ends.begin(), ends.end(), id) != ends.end();
  if (mode_ == Mode::over) return require(is_end, "token {} behind the end of the answer", id);
  require(id >= 0, "{} is no token", id);
  const Position next = after(at_, id);
  if (next == Recognizer::kDead) {
    require(is_end && recognizer_.accepting(at_), "token {} is not what the grammar allows", id);
    mode_ = Mode::over;
    return;
  }
  at_ = next;
  settle();
}

void GrammarMatcher::settle() {
  constexpr size_t kMuch = 100'000;
  if (recognizer_.size() > kMuch) at_ = recognizer_.compact(at_);
  if (!recognizer_.accepting(at_)) return;
  if (options_.free_after) {
    mode_ = Mode::free;
  } else if (!recognizer_.goes_on(at_)) {
    mode_ = Mode::over;
  }
}

void GrammarMatcher::accept_free(int id) {
  if (id == options_.trigger_token) {
    begin();
    settle();
  }
}

std::vector<int> GrammarMatcher::forced() { return {}; }

bool GrammarMatcher::complete() const { return mode_ == Mode::over; }

}  // namespace dure
