#pragma once

#include <array>
#include <span>
#include <string_view>

#include "train/generate/phrase.h"

namespace dure {

/// The ways to say one event of a story: patterns for Slots::fill, the rest empty.
struct Telling {
  std::string_view event;
  std::array<std::string_view, 4> ways;

  std::span<const std::string_view> said() const {
    size_t n = 0;
    while (n < ways.size() && !ways[n].empty()) ++n;
    return {ways.data(), n};
  }
};

/// All events of stories, the same in both languages (src/train/generate/sentences_en.cc, sentences_ko.cc).
std::span<const Telling> english_tellings();
std::span<const Telling> korean_tellings();

}  // namespace dure
