#pragma once

#include "train/generate/choice.h"
#include "train/generate/item.h"

namespace dure {

/// "Use these 3 or 4 numbers once each to make that one": a problem that can be solved, a search for the solution with
/// tries that fail and are taken back (Gandhi et al., "Stream of search", 2024), and an expression as the answer.
/// Numbers are 1 to 20, the target is 1 to 100; what comes out on the way is a positive whole number.
/// REQUIRES: count is 3 or 4.
Item make_countdown(int count, Language language, Choice& choice);

}  // namespace dure
