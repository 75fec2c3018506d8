#pragma once

#include <span>

#include "train/generate/phrase.h"

namespace dure {

struct Name {
  std::string_view en, ko;
  bool female;
};

/// A name as it is told of: in Korean one that ends in a consonant gets 이.
std::string name_in_story(const Name& name, Language language);

/// Where stories happen. `where` is "at the park"; the spots are places in it where a thing can lie.
struct Place {
  Word name, where;
  Word spots[3];
};

/// What a story is about. Second words: for skills what one "can" do in Korean; for plants what comes out; for dishes
/// what is missing.
enum class ThingKind { toy, food, animal, plant, skill, fragile, chased, dish, building };

std::span<const Name> child_names();
std::span<const Word> animal_kinds();  ///< who stories tell of, besides children
std::span<const Word> traits();
std::span<const Word> hobbies();
std::span<const Word> weathers();
std::span<const Word> times();
std::span<const Word> elders();
std::span<const Place> places();
std::span<const Word> things(ThingKind kind);
std::span<const Word> adjectives(ThingKind kind);

}  // namespace dure
