#pragma once

#include <memory>
#include <vector>

#include "engine/block_manager.h"

namespace dure {

struct SchedulerLimits {
  int max_num_seqs = 1, max_num_batched_tokens = 1;
  bool exact = false;
};

/// Rows of a sequence that come next.
struct Scheduled {
  Sequence* sequence;
  int rows;
};
/// Rows that go through the model together: of one kind, through one adapter.
struct ScheduledBatch {
  int adapter;
  RowKind kind;
  std::vector<Scheduled> parts;
};

/// Who runs, and which rows each step has.
///
/// Sequences stand in one line, by priority and arrival. The first ones run, as far as the cache has room for the
/// tokens that each has now: what an answer may become is not reserved. When a running sequence needs a block and there
/// is none, the last one in the line that runs is preempted: its blocks are released, and it waits in its place to be
/// computed again, each row as it was. So the first in line always goes on, and everybody's turn comes.
///
/// A step takes sequences with a single row to compute first, so that nobody's answer waits for another's prompt. What
/// they leave of the budget goes to the rest by priority; among equals the shortest remainder goes first, but for a
/// quarter, which the one that came first always gets. Guesses have what is left of budget and cache after that.
class Scheduler {
 public:
  Scheduler(BlockManager& blocks, const SchedulerLimits& limits) : blocks_(blocks), limits_(limits) {}

  void add(std::unique_ptr<Sequence> sequence);
  /// Starts waiting sequences as far as there is room. A more urgent one may take the place of others.
  void admit();
  /// The next rows of running sequences, which have blocks for them. Sequences that load wait.
  std::vector<ScheduledBatch> schedule();
  /// The choices of a request whose first one has computed the prompt begin with its rows; they run, or wait like those
  /// that were preempted.
  void fork(Sequence& first);
  /// Gives the blocks of a sequence back. It stays until sweep().
  void finish(Sequence& s);
  void sweep();

  /// In line, finished ones among them.
  std::vector<Sequence*> sequences() const;
  bool idle() const { return sequences_.empty(); }
  int count(SequenceState state) const;
  int requests() const;  ///< that are not finished
  int64_t preemptions() const { return preemptions_; }

 private:
  bool fits(const Sequence& s, const PrefixPlan& plan) const;
  Sequence* last_running() const;
  void preempt(Sequence& s);
  int run_length(const Sequence& s) const;
  void take_rows(Sequence& s, int rows, int* budget);
  bool make_room(Sequence& s, int rows);

  BlockManager& blocks_;
  SchedulerLimits limits_;
  std::vector<std::unique_ptr<Sequence>> sequences_;  // in line
  std::vector<Scheduled> chosen_;                     // of the step that is being scheduled
  int64_t preemptions_ = 0;
};

}  // namespace dure
