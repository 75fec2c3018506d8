#pragma once

#include <array>
#include <span>
#include <string_view>

#include "train/generate/phrase.h"

namespace dure {

/// Something that is asked for in several ways and answered in several ways; the rest of the ways is empty.
struct Topic {
  std::array<std::string_view, 6> asked;
  std::array<std::string_view, 4> answered;
};

std::span<const Topic> greetings(Language language);
std::span<const Topic> farewells(Language language);
std::span<const Topic> small_talk(Language language);  ///< who Dure is, what it can do, how it is
/// Questions about what Dure does not know; {subject} is one of unknown_subjects().
std::span<const Topic> unknowns(Language language);
std::span<const Word> unknown_subjects();
/// Wishes for a translation into the other language; {sentence} is in the speaker's.
std::span<const std::string_view> translation_wishes(Language language);

}  // namespace dure
