#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "sampling/grammar/compiled_grammar.h"

namespace dure::grammar {

/// One of the ways in which a text may have been read so far: a state of a machine, its count, and the stack of those
/// that it returns to.
struct Thread {
  int state, count, stack;
  auto operator<=>(const Thread&) const = default;
};

/// Follows texts through a grammar, all ways at once. What has been read is a Position; positions that allow the same
/// continuations by the same ways are one, and steps between them are remembered. Calls made at the same place to the
/// same machine share one stack, as in Earley's algorithm, so that ambiguity costs no more than polynomial space.
/// Positions stay valid until compact(). Throws Error if a text can be read in too many ways. Not thread-safe.
class Recognizer {
 public:
  using Position = int;
  static constexpr Position kDead = 0;  ///< no text of the grammar begins like this

  explicit Recognizer(std::shared_ptr<const CompiledGrammar> grammar);

  Position start();
  /// A machine under way, with nobody to return to: its end is acceptance.
  Position inside(int state, int count);
  /// Where the callers go on once the machine on top of `stack` has ended.
  Position behind(int stack);

  Position step(Position at, uint8_t byte);
  Position step_token(Position at, int id);

  /// Both, of which one may be dead.
  Position either(Position a, Position b);

  /// What has been read is a text of the grammar.
  bool accepting(Position at) const { return positions_[size_t(at)].accepting; }
  /// The threads that have read the last byte, and those that they returned to.
  std::span<const Thread> readers(Position at) const;
  /// Those, and whom they called, and where they left members out.
  std::span<const Thread> threads(Position at) const;
  /// The only byte or token that may come next; -1 if there are none or several. Acceptance is not looked at.
  struct Only {
    int byte = -1, token = -1;
  };
  Only only(Position at) const;
  /// Whether a byte or token may come next.
  bool goes_on(Position at) const;
  const CompiledGrammar& grammar() const { return *grammar_; }

  size_t size() const { return threads_.size() + entries_.size() + steps_.size(); }
  /// Forgets all positions but this one, which may get another number.
  Position compact(Position keep);

 private:
  using Entry = Thread;  ///< a return into the machine that called
  struct Stack {
    size_t begin, end;  ///< of its entries
  };
  struct PositionData {
    size_t begin, readers_end, end;  ///< of its threads
    bool accepting;
  };
  struct Hash {
    size_t operator()(const Thread& t) const;
  };

  void forget();
  int intern_stack(std::vector<Entry>& entries);
  Position close(std::vector<Thread>& readers, bool accepting = false);
  void add_if_alive(std::vector<Thread>& out, const Thread& from, int target, bool counted) const;
  bool return_to_callers(std::vector<Thread>& readers, int stack);
  void call_from(const Thread& thread);
  bool reads(const Thread& thread, uint8_t byte) const;

  std::shared_ptr<const CompiledGrammar> grammar_;
  std::vector<Entry> entries_;
  std::vector<Stack> stacks_;  ///< 0 is the bottom
  std::unordered_multimap<size_t, int> stack_index_;
  std::vector<Thread> threads_;
  std::vector<PositionData> positions_;
  std::unordered_multimap<size_t, Position> position_index_;
  std::unordered_map<uint64_t, Position> steps_;  ///< by position << 8 | byte

  // Of close(), kept for their memory.
  std::vector<Thread> moved_;
  std::unordered_set<Thread, Hash> seen_;
  std::vector<std::pair<int, int>> called_;  ///< a heap: rank and machine, lowest rank first
  std::vector<std::vector<Entry>> returns_;  ///< of each machine in called_
};

}  // namespace dure::grammar
