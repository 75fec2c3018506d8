#include "chat/reasoning.h"

#include <algorithm>

namespace dure {
namespace {

constexpr std::string_view kOpen = "<think>", kClose = "</think>";

bool is_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

size_t begun(std::string_view text, std::string_view tag) {
  for (size_t n = std::min(text.size(), tag.size() - 1); n > 0; --n)
    if (text.ends_with(tag.substr(0, n))) return n;
  return 0;
}

void add(std::vector<AnswerPart>& parts, std::string text, bool reasoning) {
  if (!text.empty()) parts.push_back({std::move(text), reasoning});
}

}  // namespace

std::vector<AnswerPart> ReasoningSplitter::push(std::string_view text) {
  held_ += text;
  std::vector<AnswerPart> parts;
  advance(parts, false);
  return parts;
}

std::vector<AnswerPart> ReasoningSplitter::finish() {
  std::vector<AnswerPart> parts;
  advance(parts, true);
  return parts;
}

void ReasoningSplitter::advance(std::vector<AnswerPart>& parts, bool last) {
  if (state_ == State::start) {
    size_t at = 0;
    while (at < held_.size() && is_space(held_[at])) ++at;
    const std::string_view rest = std::string_view(held_).substr(at);
    if (rest.starts_with(kOpen)) {
      held_.erase(0, at + kOpen.size());
      state_ = State::reasoning;
    } else if (!last && kOpen.starts_with(rest)) {
      return;  // it may still become <think>
    } else {
      state_ = State::answer;
    }
  }
  if (state_ == State::reasoning) {
    if (!begun_) {
      size_t at = 0;
      while (at < held_.size() && is_space(held_[at])) ++at;
      held_.erase(0, at);
      begun_ = !held_.empty();
    }
    const size_t close = held_.find(kClose);
    size_t end = close != std::string::npos ? close : held_.size() - (last ? 0 : begun(held_, kClose));
    // White space waits too: before </think> it is dropped.
    size_t shown = end;
    while (shown > 0 && is_space(held_[shown - 1])) --shown;
    add(parts, held_.substr(0, shown), true);
    if (close == std::string::npos) {
      held_.erase(0, last ? held_.size() : shown);
      return;
    }
    held_.erase(0, close + kClose.size());
    state_ = State::gap;
  }
  if (state_ == State::gap) {
    size_t at = 0;
    while (at < held_.size() && is_space(held_[at])) ++at;
    held_.erase(0, at);
    if (held_.empty()) return;
    state_ = State::answer;
  }
  add(parts, std::move(held_), false);
  held_.clear();
}

bool ends_in_reasoning(std::string_view prompt) {
  const size_t open = prompt.rfind(kOpen), close = prompt.rfind(kClose);
  return open != std::string_view::npos && (close == std::string_view::npos || close < open);
}

}  // namespace dure
