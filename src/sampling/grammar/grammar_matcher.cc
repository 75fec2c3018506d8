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
  for (const auto& edge : masks_->grammar()->tokens)
    require(edge.id < trie_.vocab_size(), "grammar: token {} is not in a vocabulary of {}", edge.id,
            trie_.vocab_size());
  if (!options_.trigger.empty()) trigger_ = masks_->trigger(options_.trigger);
  if (trigger_ || options_.trigger_token >= 0) {
    mode_ = Mode::free;
  } else {
    go_to(recognizer_.start());
  }
}

bool GrammarMatcher::is_end_token(int id) const {
  const auto ends = trie_.end_tokens();
  return std::find(ends.begin(), ends.end(), id) != ends.end();
}

std::span<const uint64_t> GrammarMatcher::mask() {
  if (mode_ == Mode::free) return free_mask();
  if (!mask_is_made_) bound_mask();
  mask_is_made_ = true;
  return mask_;
}

/// Tokens that complete the trigger and go on as the grammar does not.
const std::vector<int>& GrammarMatcher::spoilers() {
  const auto [found, is_new] = spoilers_.try_emplace(matched_);
  if (!is_new) return found->second;
  for (const int id : trigger_->tokens()) {
    const std::string_view bytes = trie_.bytes(id);
    const int end = trigger_->completes(matched_, bytes);
    if (end < 0 || size_t(end) == bytes.size()) continue;
    if (after(recognizer_.start(), bytes.substr(size_t(end))) == Recognizer::kDead) found->second.push_back(id);
  }
  return found->second;
}

/// Everything but the spoilers.
std::span<const uint64_t> GrammarMatcher::free_mask() {
  if (!trigger_ || spoilers().empty()) return {};
  if (mask_is_made_) return mask_;
  std::fill(mask_.begin(), mask_.end(), 0);
  for (int id = 0; id < trie_.vocab_size(); ++id) allow(id);
  for (const int id : spoilers()) mask_[size_t(id) / 64] &= ~(uint64_t{1} << (id % 64));
  mask_is_made_ = true;
  return mask_;
}

void GrammarMatcher::bound_mask() {
  std::fill(mask_.begin(), mask_.end(), 0);
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
        allow(g.tokens[size_t(i)].id);
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
      if (const auto [id, count] = exits.tokens[t]; !machine.leaf || (count >= least && count <= most)) allow(id);
    ++i;
  }
}

GrammarMatcher::Position GrammarMatcher::after(Position at, std::string_view bytes) {
  for (const char c : bytes) at = recognizer_.step(at, uint8_t(c));
  return at;
}

GrammarMatcher::Position GrammarMatcher::after(Position at, int id) {
  const Position by_token = recognizer_.step_token(at, id);
  if (id >= trie_.vocab_size() || trie_.bytes(id).empty()) return by_token;
  return recognizer_.either(by_token, after(at, trie_.bytes(id)));
}

void GrammarMatcher::accept(int id) {
  require(id >= 0, "{} is no token", id);
  mask_is_made_ = false;
  if (mode_ == Mode::free) return accept_free(id);
  if (mode_ == Mode::over) return require(is_end_token(id), "token {} behind the end of the answer", id);
  const Position next = after(at_, id);
  if (next != Recognizer::kDead) return go_to(next);
  require(is_end_token(id) && recognizer_.accepting(at_), "token {} is not what the grammar allows", id);
  mode_ = Mode::over;
}

void GrammarMatcher::go_to(Position at) {
  constexpr size_t kMuch = 100'000;
  mode_ = Mode::bound;
  at_ = recognizer_.size() > kMuch ? recognizer_.compact(at) : at;
  if (!recognizer_.accepting(at_)) return;
  if (options_.free_after) {
    mode_ = Mode::free;
    matched_ = 0;
  } else if (!recognizer_.goes_on(at_)) {
    mode_ = Mode::over;
  }
}

void GrammarMatcher::accept_free(int id) {
  if (is_end_token(id)) {
    mode_ = Mode::over;
  } else if (id == options_.trigger_token) {
    go_to(recognizer_.start());
  } else if (trigger_) {
    std::string_view bytes = id < trie_.vocab_size() ? trie_.bytes(id) : std::string_view();
    if (bytes.empty() && options_.text_of) bytes = options_.text_of(id);
    if (const int end = trigger_->completes(matched_, bytes); end >= 0) {
      const Position at = after(recognizer_.start(), bytes.substr(size_t(end)));
      require(at != Recognizer::kDead, "token {} goes on behind {} as the grammar does not", id,
              quote(options_.trigger));
      go_to(at);
    } else {
      if (bytes.empty()) matched_ = 0;
      for (const char c : bytes) matched_ = trigger_->next(matched_, c);
    }
  }
}

std::vector<int> GrammarMatcher::forced() {
  constexpr size_t kMost = 512;
  std::vector<int> out;
  if (mode_ != Mode::bound) return out;
  std::string bytes;
  bool whole = false;  // what follows is known as well, so no longer token could be cut off
  for (Position at = at_; out.size() + bytes.size() < kMost;) {
    if (recognizer_.accepting(at)) {
      whole = !recognizer_.goes_on(at);
      break;
    }
    const auto [byte, token] = recognizer_.only(at);
    if (token >= 0) {
      if (!bytes.empty()) {
        const std::vector<int> ids = write(bytes, true);
        if (ids.empty()) return out;
        out.insert(out.end(), ids.begin(), ids.end());
        bytes.clear();
      }
      out.push_back(token);
      at = recognizer_.step_token(at, token);
    } else if (byte >= 0 && options_.tokenize) {
      bytes += char(byte);
      at = recognizer_.step(at, uint8_t(byte));
    } else {
      break;
    }
  }
  const std::vector<int> ids = write(bytes, whole);
  out.insert(out.end(), ids.begin(), ids.end());
  return out;
}

/// The tokens of forced bytes, but for those at the end that the tokenizer might join with what follows, unless these
/// bytes are the whole rest.
std::vector<int> GrammarMatcher::write(const std::string& bytes, bool whole) const {
  if (bytes.empty() || !options_.tokenize) return {};
  std::vector<int> ids = options_.tokenize(bytes);
  size_t at = 0;
  for (size_t i = 0; i < ids.size(); ++i) {
    const std::string_view token = ids[i] >= 0 && ids[i] < trie_.vocab_size() ? trie_.bytes(ids[i]) : "";
    if (token.empty() || bytes.compare(at, token.size(), token) != 0) return {};  // the tokenizer adds something
    if (!whole && trie_.continues(std::string_view(bytes).substr(at))) {
      ids.resize(i);
      return ids;
    }
    at += token.size();
  }
  return at == bytes.size() ? ids : std::vector<int>();
}

bool GrammarMatcher::complete() const { return mode_ == Mode::over; }

}  // namespace dure
