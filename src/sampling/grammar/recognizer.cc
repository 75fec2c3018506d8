#include "sampling/grammar/recognizer.h"

#include <algorithm>
#include <functional>

#include "base/error.h"

namespace dure::grammar {
namespace {

constexpr int kBottom = 0;
constexpr int kDone = -1;  // the state that the bottom returns to
constexpr size_t kMaxThreads = 20'000;

size_t mix(size_t hash, int value) {
  hash = (hash ^ size_t(unsigned(value))) * 0x9E3779B97F4A7C15;
  return hash ^ (hash >> 29);
}

size_t hash_of(std::span<const Thread> threads) {
  size_t hash = threads.size();
  for (const Thread& t : threads) hash = mix(mix(mix(hash, t.state), t.count), t.stack);
  return hash;
}

void sort_unique(std::vector<Thread>& threads) {
  std::sort(threads.begin(), threads.end());
  threads.erase(std::unique(threads.begin(), threads.end()), threads.end());
}

}  // namespace

size_t Recognizer::Hash::operator()(const Thread& t) const { return hash_of({&t, 1}); }

Recognizer::Recognizer(std::shared_ptr<const CompiledGrammar> grammar)
    : grammar_(std::move(grammar)), returns_(grammar_->machines.size()) {
  forget();
}

void Recognizer::forget() {
  entries_.assign(1, {kDone, 0, kBottom});
  stacks_.assign(1, {0, 1});
  stack_index_.clear();
  threads_.clear();
  positions_.assign(1, {0, 0, 0, false});
  position_index_.clear();
  steps_.clear();
}

std::span<const Thread> Recognizer::readers(Position at) const {
  const PositionData& p = positions_[size_t(at)];
  return std::span(threads_).subspan(p.begin, p.readers_end - p.begin);
}

std::span<const Thread> Recognizer::threads(Position at) const {
  const PositionData& p = positions_[size_t(at)];
  return std::span(threads_).subspan(p.begin, p.end - p.begin);
}

Recognizer::Position Recognizer::start() {
  moved_.assign(1, {grammar_->machines[size_t(grammar_->root)].start, 0, kBottom});
  return close(moved_, grammar_->accepts_nothing);
}

Recognizer::Position Recognizer::inside(int state, int count) {
  moved_.assign(1, {state, count, kBottom});
  return close(moved_);
}

Recognizer::Position Recognizer::behind(int stack) {
  moved_.clear();
  seen_.clear();
  const bool accepting = return_to_callers(moved_, stack);
  return close(moved_, accepting);
}

Recognizer::Position Recognizer::step(Position at, uint8_t byte) {
  const uint64_t key = uint64_t(at) << 8 | byte;
  if (const auto known = steps_.find(key); known != steps_.end()) return known->second;
  moved_.clear();
  for (const Thread& t : threads(at)) {
    const auto [target, counted] = grammar_->step(t.state, byte);
    if (target >= 0) add_if_alive(moved_, t, target, counted);
  }
  const Position to = close(moved_);
  steps_.emplace(key, to);
  return to;
}

Recognizer::Position Recognizer::step_token(Position at, int id) {
  moved_.clear();
  for (const Thread& t : threads(at))
    for (int i = grammar_->states[size_t(t.state)].tokens; i < grammar_->states[size_t(t.state) + 1].tokens; ++i) {
      const auto& edge = grammar_->tokens[size_t(i)];
      if (edge.id == id) add_if_alive(moved_, t, edge.target, edge.counted);
    }
  return close(moved_);
}

Recognizer::Position Recognizer::either(Position a, Position b) {
  if (a == kDead || a == b) return b;
  if (b == kDead) return a;
  moved_.assign(readers(a).begin(), readers(a).end());
  moved_.insert(moved_.end(), readers(b).begin(), readers(b).end());
  return close(moved_, accepting(a) || accepting(b));
}

bool Recognizer::reads(const Thread& thread, uint8_t byte) const {
  const auto [target, counted] = grammar_->step(thread.state, byte);
  return target >= 0 && grammar_->count_at(target, thread.count, counted) != CompiledGrammar::kNowhere;
}

Recognizer::Only Recognizer::only(Position at) const {
  Only found;
  const auto all = threads(at);
  for (const Thread& t : all)
    for (int i = grammar_->states[size_t(t.state)].tokens; i < grammar_->states[size_t(t.state) + 1].tokens; ++i) {
      const int id = grammar_->tokens[size_t(i)].id;
      if (found.token >= 0 && found.token != id) return {};
      found.token = id;
    }
  for (int byte = 0; byte < 256; ++byte) {
    if (std::none_of(all.begin(), all.end(), [&](const Thread& t) { return reads(t, uint8_t(byte)); })) continue;
    if (found.token >= 0 || found.byte >= 0) return {};
    found.byte = byte;
  }
  return found;
}

bool Recognizer::goes_on(Position at) const {
  const auto reads_something = [&](const Thread& t) {
    if (grammar_->states[size_t(t.state)].tokens < grammar_->states[size_t(t.state) + 1].tokens) return true;
    for (int byte = 0; byte < 256; ++byte)
      if (reads(t, uint8_t(byte))) return true;
    return false;
  };
  const auto all = threads(at);
  return std::any_of(all.begin(), all.end(), reads_something);
}

void Recognizer::add_if_alive(std::vector<Thread>& out, const Thread& from, int target, bool counted) const {
  const int count = grammar_->count_at(target, from.count, counted);
  if (count != CompiledGrammar::kNowhere) out.push_back({target, count, from.stack});
}

/// Whether the bottom is among them.
bool Recognizer::return_to_callers(std::vector<Thread>& readers, int stack) {
  bool bottom = false;
  for (size_t i = stacks_[size_t(stack)].begin; i < stacks_[size_t(stack)].end; ++i) {
    const Entry entry = entries_[i];
    bottom |= entry.state == kDone;
    if (entry.state != kDone && seen_.insert(entry).second) readers.push_back(entry);
  }
  return bottom;
}

/// Notes down the calls that a thread makes.
void Recognizer::call_from(const Thread& thread) {
  const auto& states = grammar_->states;
  for (int i = states[size_t(thread.state)].calls; i < states[size_t(thread.state) + 1].calls; ++i) {
    const auto& call = grammar_->calls[size_t(i)];
    std::vector<Entry>& entries = returns_[size_t(call.machine)];
    const bool first = entries.empty();
    if (states[size_t(call.target)].tail) {  // it returns where we would return to
      const Stack& stack = stacks_[size_t(thread.stack)];
      entries.insert(entries.end(), entries_.begin() + std::ptrdiff_t(stack.begin),
                     entries_.begin() + std::ptrdiff_t(stack.end));
    } else {
      add_if_alive(entries, thread, call.target, call.counted);
    }
    if (entries.empty() || !first) continue;
    called_.emplace_back(grammar_->machines[size_t(call.machine)].rank, call.machine);
    std::push_heap(called_.begin(), called_.end(), std::greater<>());
  }
}

Recognizer::Position Recognizer::close(std::vector<Thread>& threads, bool accepting) {
  for (const auto& [rank, machine] : called_) returns_[size_t(machine)].clear();  // left behind by an Error
  called_.clear();
  seen_.clear();
  sort_unique(threads);
  seen_.insert(threads.begin(), threads.end());
  const auto skip = [&](int state) { return grammar_->states[size_t(state)].skip; };
  for (size_t i = 0; i < threads.size(); ++i) {
    const Thread t = threads[i];
    bool ends = false;
    for (int s = t.state; s >= 0 && !ends; s = skip(s)) ends = grammar_->may_end(s, t.count);
    if (ends) accepting |= return_to_callers(threads, t.stack);
    require(threads.size() < kMaxThreads, "grammar: the text can be read in more than {} ways", kMaxThreads);
  }
  if (threads.empty() && !accepting) return kDead;

  std::sort(threads.begin(), threads.end());
  const size_t hash = mix(hash_of(threads), accepting);
  const auto [from, to] = position_index_.equal_range(hash);
  for (auto at = from; at != to; ++at) {
    const auto known = readers(at->second);
    if (this->accepting(at->second) == accepting &&
        std::equal(known.begin(), known.end(), threads.begin(), threads.end()))
      return at->second;
  }

  const size_t begin = threads_.size(), number = threads.size();
  const auto add = [&](const Thread& t) {
    threads_.push_back(t);
    require(threads_.size() - begin < kMaxThreads, "grammar: the text can be read in more than {} ways", kMaxThreads);
    call_from(t);
  };
  for (const Thread& t : threads) add(t);
  const auto leave_out = [&](const Thread& t) {
    for (int s = skip(t.state); s >= 0 && seen_.insert({s, t.count, t.stack}).second; s = skip(s))
      add({s, t.count, t.stack});
  };
  for (const Thread& t : threads) leave_out(t);
  while (!called_.empty()) {
    std::pop_heap(called_.begin(), called_.end(), std::greater<>());
    const int machine = called_.back().second;
    called_.pop_back();
    const int stack = intern_stack(returns_[size_t(machine)]);
    returns_[size_t(machine)].clear();
    const Thread callee{grammar_->machines[size_t(machine)].start, 0, stack};
    add(callee);
    leave_out(callee);
  }
  positions_.push_back({begin, begin + number, threads_.size(), accepting});
  position_index_.emplace(hash, int(positions_.size()) - 1);
  return int(positions_.size()) - 1;
}

int Recognizer::intern_stack(std::vector<Entry>& entries) {
  sort_unique(entries);
  if (entries.size() == 1 && entries[0].state == kDone) return kBottom;
  const size_t hash = hash_of(entries);
  const auto [from, to] = stack_index_.equal_range(hash);
  for (auto at = from; at != to; ++at) {
    const Stack& s = stacks_[size_t(at->second)];
    if (std::equal(entries_.begin() + std::ptrdiff_t(s.begin), entries_.begin() + std::ptrdiff_t(s.end),
                   entries.begin(), entries.end()))
      return at->second;
  }
  stacks_.push_back({entries_.size(), entries_.size() + entries.size()});
  entries_.insert(entries_.end(), entries.begin(), entries.end());
  stack_index_.emplace(hash, int(stacks_.size()) - 1);
  return int(stacks_.size()) - 1;
}

Recognizer::Position Recognizer::compact(Position keep) {
  std::vector<Thread> kept(readers(keep).begin(), readers(keep).end());
  const bool accepting = this->accepting(keep);
  // Entries of a stack name older stacks only.
  std::vector<bool> used(stacks_.size());
  for (const Thread& t : kept) used[size_t(t.stack)] = true;
  for (size_t s = stacks_.size(); s-- > 1;)
    if (used[s])
      for (size_t i = stacks_[s].begin; i < stacks_[s].end; ++i) used[size_t(entries_[i].stack)] = true;
  const std::vector<Stack> stacks = std::move(stacks_);
  const std::vector<Entry> entries = std::move(entries_);
  forget();
  std::vector<int> number(stacks.size(), kBottom);
  for (size_t s = 1; s < stacks.size(); ++s) {
    if (!used[s]) continue;
    std::vector<Entry> moved(entries.begin() + std::ptrdiff_t(stacks[s].begin),
                             entries.begin() + std::ptrdiff_t(stacks[s].end));
    for (Entry& e : moved) e.stack = number[size_t(e.stack)];
    number[s] = intern_stack(moved);
  }
  for (Thread& t : kept) t.stack = number[size_t(t.stack)];
  return close(kept, accepting);
}

}  // namespace dure::grammar
