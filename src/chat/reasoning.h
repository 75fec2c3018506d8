#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace dure {

/// A stretch of an answer: thoughts between <think> and </think>, or what is meant for the reader.
struct AnswerPart {
  std::string text;
  bool reasoning;

  bool operator==(const AnswerPart&) const = default;
};

/// Separates reasoning from the answer in streamed text. The tags themselves are dropped, together with the line breaks
/// that surround them. Only a <think> before any answer opens reasoning; later ones are text.
class ReasoningSplitter {
 public:
  /// open: the prompt itself ended in <think>, so the text starts with reasoning.
  explicit ReasoningSplitter(bool open = false) : state_(open ? State::reasoning : State::start) {}

  std::vector<AnswerPart> push(std::string_view text);
  std::vector<AnswerPart> finish();

 private:
  enum class State { start, reasoning, gap, answer };
  void advance(std::vector<AnswerPart>& parts, bool last);

  State state_;
  bool begun_ = false;  // something of the reasoning was shown
  std::string held_;
};

/// Whether a prompt ends inside reasoning: its last <think> has no </think> after it.
bool ends_in_reasoning(std::string_view prompt);

}  // namespace dure
