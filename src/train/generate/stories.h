#pragma once

#include <vector>

#include "train/generate/choice.h"
#include "train/generate/item.h"
#include "train/generate/plots.h"
#include "train/generate/sentences.h"

namespace dure {

/// Which of the combinations of plot, hero and thing stories are made of: a hash holds 1 in 32 of them out, for ever,
/// whatever the seed is.
enum class Split { train, held_out };
bool is_held_out(size_t plot, size_t hero, size_t thing);

/// The ways to tell an event of a story. Throws Error if there are none.
const Telling& find_telling(Language language, std::string_view event);

/// Tells stories of a little world: somebody wants something or something happens, one event leads to the next, and
/// the end follows from them. A text tells all the choices it was made by, so that its `nats` are exact. Those of a
/// held-out story count its combination as one of all that there are: which are held out, no model can know.
class StoryTeller {
 public:
  explicit StoryTeller(Split split);

  /// A story; with `asked`, behind somebody's wish for it.
  Item tell(Language language, bool asked, Choice& choice) const;

 private:
  struct Combination {
    size_t hero, thing;
  };

  Split split_;
  std::vector<std::vector<Combination>> combinations_;  // of each plot, those of the split
};

}  // namespace dure
