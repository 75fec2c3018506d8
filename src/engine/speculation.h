#pragma once

#include <cstdint>
#include <map>

namespace dure {

/// Where guesses at the next tokens come from (see Drafter).
enum class DraftSource : uint8_t {
  none,
  ngram,     ///< what came after the same tokens before: any model
  mtp,       ///< the model's own layer for multi-token prediction
  automatic  ///< mtp if the model has such a layer, or else ngram
};

struct SpeculationOptions {
  DraftSource source = DraftSource::none;
  int max_drafts = 4;    ///< of a sequence in one step
  bool adaptive = true;  ///< as many of them as pay, see DraftLength; false: always max_drafts
};

/// What is known of the guesses for one sequence.
struct DraftRecord {
  double tried = 0, kept = 0;  ///< guesses that were reached, and right ones among them; old ones count less
  int steps = 0;               ///< since the sequence was computed first
  bool follow = true;          ///< false: none are made any more, which saves what making them costs
};

/// How many guesses pay. The i-th guess is right with probability a^i, a being the share of guesses of this sequence
/// that were right, and of all sequences as long as little is known of this one. If all n sequences of a step try k
/// guesses, the step has n (1 + k) rows and yields n (1 + a + ... + a^k) tokens. Its time is what steps of so many rows
/// took lately, or lies between those of steps of fewer and of more; rows do not cost the same each, as kernels take
/// them by twos, fours and eights. The k with the most tokens per second is the best.
class DraftLength {
 public:
  explicit DraftLength(const SpeculationOptions& options) : options_(options) {}

  /// Whether a new sequence is worth following at all: when guessing loses, few are, to see whether it still does.
  bool follow();
  /// How many guesses the next step of a sequence may try, which will have `sequences` such rows without any. Now and
  /// then another number than what seems best, so that the measurements go on.
  int choose(DraftRecord& record, int sequences);
  /// `reached` guesses were compared with what was sampled, `kept` of them were right.
  void compared(DraftRecord& record, int reached, int kept);
  /// A step of answers only took so long, and of this so long for guessing up to `depth` tokens ahead.
  void took(int rows, double seconds, int depth, double guessing_seconds);

  /// What a step of so many rows will take that guesses so far ahead; 0 before it is known.
  double seconds(int rows, int depth) const;
  double acceptance() const { return kept_ / tried_; }  ///< of all sequences lately

 private:
  double step_seconds(int rows) const;
  double rate(double a, int drafts, int sequences) const;

  SpeculationOptions options_;
  double tried_ = 4, kept_ = 2.4;       // of all sequences; to begin with a guess at that
  std::map<int, double> step_seconds_;  // by rows
  double guess_seconds_ = 0;            // for one token ahead
  int64_t steps_ = 0;
  int declined_ = 0;  // sequences since one was followed
};

}  // namespace dure
