#include "engine/scheduler.h"

#include <algorithm>
#include <map>
#include <utility>

#include "base/error.h"

namespace dure {

void Scheduler::add(std::unique_ptr<Sequence> sequence) {
  const auto place =
      std::ranges::upper_bound(sequences_, *sequence, goes_before, [](const auto& s) -> const Sequence& { return *s; });
  sequences_.insert(place, std::move(sequence));
}

std::vector<Sequence*> Scheduler::sequences() const {
  std::vector<Sequence*> all;
  for (const auto& s : sequences_) all.push_back(s.get());
  return all;
}

int Scheduler::count(SequenceState state) const {
  return static_cast<int>(std::ranges::count_if(sequences_, [&](const auto& s) { return s->state == state; }));
}

int Scheduler::requests() const {
  int requests = 0;
  const SequenceGroup* last = nullptr;  // choices stand side by side
  for (const auto& s : sequences_)
    if (!s->finished() && s->group.get() != std::exchange(last, s->group.get())) ++requests;
  return requests;
}

bool Scheduler::fits(const Sequence& s, const PrefixPlan& plan) const {
  int promised = 0;  // to those that run already
  for (const auto& other : sequences_)
    if (other->running()) promised += blocks_.missing(*other);
  return blocks_.cost(s, plan) + promised <= blocks_.pool().available();
}

Sequence* Scheduler::last_running() const {
  for (size_t i = sequences_.size(); i-- > 0;)
    if (sequences_[i]->running()) return sequences_[i].get();
  return nullptr;
}

void Scheduler::admit() {
  for (const auto& s : sequences_) {
    if (s->state != SequenceState::waiting) continue;
    // The last row is computed whatever the cache has: its logits choose the next token.
    for (;;) {
      if (count(SequenceState::running) < limits_.max_num_seqs) {
        PrefixPlan plan = blocks_.plan(*s, s->length() - 1);
        if (fits(*s, plan)) {
          s->state = SequenceState::running;
          blocks_.begin(*s, std::move(plan));
          break;
        }
      }
      Sequence* victim = last_running();
      if (victim == nullptr || victim->request().priority <= s->request().priority) return;
      preempt(*victim);
    }
  }
}

void Scheduler::preempt(Sequence& s) {
  std::erase_if(chosen_, [&](const Scheduled& c) { return c.sequence == &s; });
  blocks_.release(s, false);
  s.drafts.clear();
  s.state = SequenceState::waiting;
  s.resumed = true;
  ++preemptions_;
}

/// Rows of one kind that come next.
int Scheduler::run_length(const Sequence& s) const {
  const RowKind kind = s.kind(s.computed, limits_.exact);
  int end = s.computed + 1;
  while (end < s.drafted_length() && s.kind(end, limits_.exact) == kind) ++end;
  return end - s.computed;
}

/// Blocks for the rows; others further back in the line may lose theirs. False if the sequence itself was the last.
bool Scheduler::make_room(Sequence& s, int rows) {
  while (blocks_.capacity(s, rows) < rows) {
    Sequence* victim = last_running();
    preempt(*victim);
    if (victim == &s) return false;
  }
  blocks_.grow(s, rows);
  return true;
}

/// Adds rows to what the step has of a sequence, as far as budget and kind go.
void Scheduler::take_rows(Sequence& s, int rows, int* budget) {
  const auto it = std::ranges::find(chosen_, &s, &Scheduled::sequence);
  const int have = it == chosen_.end() ? 0 : it->rows;
  int end = s.computed + have + std::min({rows, run_length(s) - have, *budget});
  // Fewer rows rather than somebody's blocks, unless that would be none at all.
  end = std::max(blocks_.capacity(s, end), s.computed + have + (have == 0));
  rows = end - s.computed - have;
  if (rows <= 0 || *budget <= 0 || !make_room(s, end)) return;
  *budget -= rows;
  // Preemptions may have moved the list.
  const auto again = std::ranges::find(chosen_, &s, &Scheduled::sequence);
  if (again == chosen_.end()) {
    chosen_.push_back({&s, rows});
  } else {
    again->rows += rows;
  }
}

std::vector<ScheduledBatch> Scheduler::schedule() {
  chosen_.clear();
  int budget = limits_.max_num_batched_tokens;
  std::vector<Sequence*> longer;
  for (const auto& s : sequences_) {
    if (!s->running() || s->loading) continue;
    if (s->length() - s->computed > 1) {
      longer.push_back(s.get());
    } else {
      take_rows(*s, 1, &budget);
    }
  }
  if (!longer.empty()) {
    // The first in line has a quarter for itself, if others of its priority might pass it.
    take_rows(*longer.front(), std::max(1, budget / 4), &budget);
    std::ranges::stable_sort(longer, [](const Sequence* a, const Sequence* b) {
      return std::pair(a->request().priority, a->length() - a->computed) <
             std::pair(b->request().priority, b->length() - b->computed);
    });
    for (Sequence* s : longer)
      if (s->running()) take_rows(*s, budget, &budget);
  }
  for (const auto& s : sequences_) {  // guesses have what is left
    if (!s->running() || s->drafts.empty()) continue;
    const auto it = std::ranges::find(chosen_, s.get(), &Scheduled::sequence);
    if (it != chosen_.end()) take_rows(*s, static_cast<int>(s->drafts.size()), &budget);
    // Those that found no place are forgotten.
    const int end = it == chosen_.end() ? s->length() : s->computed + it->rows;
    s->drafts.resize(static_cast<size_t>(end - s->length()));
  }
  std::map<std::pair<RowKind, int>, ScheduledBatch> batches;
  for (const Scheduled& c : chosen_) {
    const int adapter = c.sequence->request().adapter;
    const RowKind kind = c.sequence->kind(c.sequence->computed, limits_.exact);
    ScheduledBatch& batch = batches[{kind, adapter}];
    batch.adapter = adapter;
    batch.kind = kind;
    batch.parts.push_back(c);
  }
  std::vector<ScheduledBatch> list;
  for (auto& [key, batch] : batches) list.push_back(std::move(batch));
  return list;
}

void Scheduler::fork(Sequence& first) {
  for (const auto& s : sequences_) {
    if (s->group != first.group || s->state != SequenceState::forking) continue;
    const bool room = count(SequenceState::running) < limits_.max_num_seqs && blocks_.fork(first, *s);
    s->state = room ? SequenceState::running : SequenceState::waiting;
    s->kinds = first.kinds;
    s->resumed = !room;
  }
}

void Scheduler::finish(Sequence& s) {
  s.state = SequenceState::finished;
  blocks_.release(s, true);
}

void Scheduler::sweep() {
  std::erase_if(sequences_, [](const auto& s) { return s->finished(); });
}

}  // namespace dure
