#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_fwd.h"
#include "train/generate/dialogue.h"

namespace dure {

/// One ingredient of generated data.
struct MixPart {
  std::string kind;  ///< stories, arithmetic, countdown or dialogue
  Language language = Language::en;
  ItemForm form = ItemForm::text;
  uint32_t weight = 1;  ///< share of the items
};

/// Throws Error naming what is wrong. {"parts": [{"kind", "lang", "form", "weight"}]}; lang "both" is two parts.
std::vector<MixPart> parse_mix(const Json& mix, std::string_view source);
/// The parts of one kind. Throws Error for words that mean nothing.
std::vector<MixPart> mix_of(std::string_view kind, std::string_view language, std::string_view form);

/// Item number i of a seed: a pure function of both, so that any machine makes the same bytes, in any order.
class Generator {
 public:
  /// Throws Error for a mix without parts or weight.
  Generator(std::vector<MixPart> mix, Split split, uint64_t seed);

  /// Appends item `index` as a line of JSON.
  /// Returns its exact entropy in nats, that of the choice of the part included.
  double append(uint64_t index, std::string& out) const;

 private:
  std::vector<MixPart> mix_;
  std::vector<uint32_t> weights_;
  StoryTeller stories_;
  Dialogues dialogues_;
  uint64_t seed_;
};

}  // namespace dure
