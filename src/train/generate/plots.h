#pragma once

#include <span>
#include <string_view>

#include "train/generate/words.h"

namespace dure {

/// What the hero feels; glad is happy for longer than a day.
enum class Mood { plain, sad, worried, happy, glad, relieved, proud };
/// Who has the thing of a story. `nobody`: not there yet, lost, broken, out of reach, or eaten.
enum class Holder { nobody, hero, companion, both, stranger };

/// Something that happens: it needs the thing to be with `before`, and leaves it with `after`.
struct Event {
  std::string_view name;  ///< of its tellings
  Holder before, after;
  Mood mood;  ///< of the hero afterwards; plain: as before
};

enum class Setting { place, home, none };

struct Plot {
  std::string_view name;
  ThingKind thing;
  Setting setting;
  int spots;  ///< of the place that events name
  bool companion, elder;
  std::span<const Event> events;
};

std::span<const Plot> plots();

/// The state of a story's world. An event that could not happen in it is an Error: nobody gives away what is lost.
class World {
 public:
  /// Throws Error if the thing is not where the event needs it.
  void happen(const Event& event);
  Holder holder() const { return holder_; }
  Mood mood() const { return mood_; }

 private:
  Holder holder_ = Holder::nobody;
  Mood mood_ = Mood::plain;
};

}  // namespace dure
