#pragma once

#include <memory>
#include <optional>
#include <tuple>
#include <vector>

#include "engine/disk_record.h"
#include "engine/request.h"
#include "engine/speculation.h"

namespace dure {

/// A block in a plan: in memory, or else on disk.
struct PlannedBlock {
  int block = -1;  ///< in the KV cache; -1: on disk
  DiskName name;   ///< on disk
  BlockKey key;    ///< its own; not of a tail
};

/// Where the rows of a sequence's first tokens lie: whole blocks one after another, then a tail, of which a few rows
/// are copied.
struct PrefixPlan {
  std::vector<PlannedBlock> full;
  std::optional<PlannedBlock> tail;
  int tail_rows = 0;
  std::vector<RowKind> kinds;  ///< of all these rows

  int rows() const { return static_cast<int>(kinds.size()); }
};

/// A request on its way, all its choices together.
struct SequenceGroup {
  SeqId id;
  Request request;
  bool started = false, failed = false;  ///< on_start, on_error were called
  int prefilled = 0;                     ///< what on_prefill was told last
};

enum class SequenceState : uint8_t {
  waiting,  ///< for its first or, after a preemption, next turn
  forking,  ///< for the first choice to have the prompt's rows
  running,
  finished
};

/// One choice of a request.
struct Sequence {
  std::shared_ptr<SequenceGroup> group;
  int choice;
  Sampler sampler;
  std::shared_ptr<TokenConstraint> constraint;  ///< may be null
  SequenceState state = SequenceState::waiting;

  std::vector<int> tokens;          ///< prompt, then answer
  std::vector<int> drafts = {};     ///< guesses at what follows; computed with the last token, see Drafter
  int computed = 0;                 ///< tokens whose rows are in the cache
  std::vector<int> blocks = {};     ///< block table
  std::vector<BlockKey> keys = {};  ///< of the full blocks that are known to the cache, from the first on
  /// Of the rows that were ever computed or found, so that they are computed again as they were.
  std::vector<RowKind> kinds = {};
  bool resumed = false;  ///< it ran before and was preempted
  PrefixPlan plan = {};  ///< what is still to be taken from the cache; its blocks in memory are held
  size_t planned = 0;    ///< full blocks of the plan that are done
  bool loading = false;  ///< has a plan
  DraftRecord drafting = {};

  const Request& request() const { return group->request; }
  int prompt_length() const { return static_cast<int>(group->request.prompt.size()); }
  int length() const { return static_cast<int>(tokens.size()); }
  int drafted_length() const { return length() + static_cast<int>(drafts.size()); }
  int token(int i) const {
    return i < length() ? tokens[static_cast<size_t>(i)] : drafts[static_cast<size_t>(i - length())];
  }
  bool finished() const { return state == SequenceState::finished; }
  bool running() const { return state == SequenceState::running; }
  /// Whether what follows its last row is its own business; after a prompt's last row other choices begin, too.
  bool goes_alone() const { return computed > prompt_length() || choice != 0; }
  /// The kind of a row: as it was, or as it is by its place.
  RowKind kind(int row, bool exact) const {
    if (row < static_cast<int>(kinds.size())) return kinds[static_cast<size_t>(row)];
    return exact || row >= prompt_length() ? RowKind::sampled : RowKind::prompt;
  }
};

/// Whether a goes before b: by priority, then in the order of arrival.
inline bool goes_before(const Sequence& a, const Sequence& b) {
  const auto rank = [](const Sequence& s) { return std::tuple(s.request().priority, s.group->id, s.choice); };
  return rank(a) < rank(b);
}

}  // namespace dure
