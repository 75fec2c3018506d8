#pragma once

#include <array>
#include <cstdint>

#include "engine/request.h"

namespace dure {

/// What an engine does now, and has done since it was made.
struct EngineStats {
  int running = 0, waiting = 0;  ///< sequences in the batch; sequences in line, those that were preempted among them
  int blocks = 0;                ///< of the cache in all
  int blocks_used = 0;           ///< held by running sequences
  int blocks_cached = 0;         ///< held by nobody, with rows that a prompt may find

  int64_t steps = 0;
  int64_t prompt_tokens = 0, generated_tokens = 0;
  int64_t prefix_queries = 0, prefix_hits = 0;  ///< tokens of prompts that were looked up, and found
  int64_t disk_hits = 0;                        ///< tokens among them that came from the disk
  int64_t disk_bytes = 0;                       ///< in files of the disk tier
  int64_t preemptions = 0;
  int64_t recomputed_tokens = 0;                    ///< rows that were computed again after a preemption
  int64_t drafted_tokens = 0, accepted_tokens = 0;  ///< guesses whose rows were computed, and right ones among them
  /// Steps of answers only, since their time could be foreseen (see DraftLength): what they took, and what was
  /// foreseen.
  double step_seconds = 0, foreseen_seconds = 0;
  std::array<int64_t, kFinishReasons> finished{};  ///< choices, by FinishReason
};

}  // namespace dure
