#pragma once

#include <string>
#include <string_view>

namespace dure {

/// How the last syllable of a word ends, which decides the form of what follows it. A number counts as it is read.
enum class KoreanEnd { vowel, rieul, consonant };
KoreanEnd korean_end(std::string_view word);

/// A particle or ending in the form that suits `word`, named by its form after a consonant: 은, 이, 을, 과, 으로, 아,
/// 이라는, 이라고, 이에요, 이었어요, 이야, 이랑.
/// Throws Error for a name that is none of these.
std::string_view korean_particle(std::string_view word, std::string_view name);

}  // namespace dure
