#include "text/pre_tokenizer.h"

#include <algorithm>

#include "text/byte_level.h"

namespace dure {
namespace {

using pre_tokenizers::Behavior;
using pre_tokenizers::ByteLevel;
using pre_tokenizers::Metaspace;
using pre_tokenizers::Split;

/// GPT-2's pattern, encoder.py.
constexpr const char* kGpt2 = R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

struct Part {
  TextRange range;
  bool is_match;
};

/// Matches and what lies between them, in order; empty matches stay.
std::vector<Part> parts_of(std::string_view text, const std::vector<TextRange>& matches, bool invert) {
  std::vector<Part> parts;
  parts.reserve(matches.size() * 2 + 1);
  size_t at = 0;
  for (const TextRange match : matches) {
    if (at != match.begin) parts.push_back({{at, match.begin}, invert});
    parts.push_back({match, !invert});
    at = match.end;
  }
  if (at != text.size()) parts.push_back({{at, text.size()}, invert});
  return parts;
}

/// Joins each part to the one before it where `joins(part is a match, the one before is)`.
template <class Joins>
void join(std::vector<Part>& parts, Joins joins) {
  bool previous_match = false;
  size_t kept = 0;
  for (size_t i = 0; i < parts.size(); ++i) {
    const Part part = parts[i];
    if (kept > 0 && joins(part.is_match, previous_match)) {
      TextRange& last = parts[kept - 1].range;
      last = {std::min(last.begin, part.range.begin), std::max(last.end, part.range.end)};
    } else {
      parts[kept++] = part;
    }
    previous_match = part.is_match;
  }
  parts.resize(kept);
}

}  // namespace

void split(std::string_view text, const std::vector<TextRange>& matches, Behavior behavior, bool invert,
           std::vector<std::string_view>& out) {
  std::vector<Part> parts = parts_of(text, matches, invert);
  const auto lone_match = [](bool match, bool previous) { return match && !previous; };
  switch (behavior) {
    case Behavior::isolated: break;
    case Behavior::removed: std::erase_if(parts, [](const Part& part) { return part.is_match; }); break;
    case Behavior::contiguous: join(parts, [](bool match, bool previous) { return match == previous; }); break;
    case Behavior::merged_with_previous: join(parts, lone_match); break;
    case Behavior::merged_with_next:
      std::reverse(parts.begin(), parts.end());
      join(parts, lone_match);
      std::reverse(parts.begin(), parts.end());
      break;
  }
  for (const auto& [range, is_match] : parts)
    if (range.begin != range.end) out.push_back(text.substr(range.begin, range.end - range.begin));
}

PreTokenizer::PreTokenizer(const TokenizerSpec& spec) {
  for (const pre_tokenizers::Step& rule : spec.pre_tokenizers) {
    Step step{rule, std::nullopt};
    if (const auto* s = std::get_if<Split>(&rule)) step.pattern.emplace(s->pattern, spec.source);
    if (const auto* bytes = std::get_if<ByteLevel>(&rule); bytes && bytes->use_regex)
      step.pattern.emplace(TextPattern{kGpt2, true}, spec.source);
    if (const auto* space = std::get_if<Metaspace>(&rule))
      step.pattern.emplace(TextPattern{space->replacement, false}, spec.source);
    steps_.push_back(std::move(step));
  }
  ends_in_bytes_ = !steps_.empty() && std::holds_alternative<ByteLevel>(steps_.back().rule);
}

PreTokenizer::Pieces PreTokenizer::operator()(std::string_view text, bool at_start) const {
  Pieces pieces;
  if (!text.empty()) pieces.views.push_back(text);
  std::vector<TextRange> matches;
  std::vector<std::string_view> next;

  const auto split_by = [&](std::string_view piece, const Regex& pattern, Behavior behavior, bool invert) {
    matches.clear();
    pattern.find_all(piece, matches);
    split(piece, matches, behavior, invert, next);
  };
  const auto rewrite = [&](std::string changed) -> std::string_view {
    return pieces.rewritten.emplace_back(std::move(changed));
  };

  for (size_t i = 0; i < steps_.size(); ++i) {
    const Step& step = steps_[i];
    next.clear();
    bool first = at_start;
    for (std::string_view piece : pieces.views) {
      if (const auto* rule = std::get_if<Split>(&step.rule)) {
        split_by(piece, *step.pattern, rule->behavior, rule->invert);
      } else if (const auto* bytes = std::get_if<ByteLevel>(&step.rule)) {
        if (bytes->add_prefix_space && !piece.starts_with(' ')) piece = rewrite(' ' + std::string(piece));
        const size_t begin = next.size();
        if (bytes->use_regex) {
          split_by(piece, *step.pattern, Behavior::isolated, false);
        } else {
          next.push_back(piece);
        }
        if (i + 1 < steps_.size())
          for (size_t k = begin; k < next.size(); ++k) next[k] = rewrite(bytes_to_characters(next[k]));
      } else {
        const auto& space = std::get<Metaspace>(step.rule);
        std::string changed;
        changed.reserve(piece.size() + 3);
        for (const char c : piece) c == ' ' ? changed += space.replacement : changed += c;
        const bool wanted =
            space.prepend == Metaspace::Prepend::always || (space.prepend == Metaspace::Prepend::first && first);
        if (wanted && !changed.starts_with(space.replacement)) changed.insert(0, space.replacement);
        piece = rewrite(std::move(changed));
        if (space.split) {
          split_by(piece, *step.pattern, Behavior::merged_with_next, false);
        } else {
          next.push_back(piece);
        }
      }
      first = false;
    }
    pieces.views.swap(next);
  }
  return pieces;
}

}  // namespace dure
