#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "text/tools/answer_parser.h"

namespace dure {

/// How text appears: what kind of thing standard output is, and what the user wants to see.
struct ViewStyle {
  bool terminal = false;  ///< control characters of the text are left out, and lines may be rewritten
  bool colour = false;    ///< thoughts are dim; without it they stand between <think> tags
  bool fold = false;      ///< thoughts become one line; where there is no terminal, nothing
};

constexpr std::string_view kDim = "\x1b[2m", kBold = "\x1b[1m", kPlain = "\x1b[0m";

/// Shows one answer on standard output as it comes.
class AnswerView {
 public:
  explicit AnswerView(const ViewStyle& style) : style_(style) {}

  /// Thoughts and text; `tokens`: of the answer so far.
  void show(const AnswerDelta& part, int tokens);
  /// Ends the last line.
  void finish(int tokens);

 private:
  enum class Mode { nothing, thoughts, answer };
  void begin_thoughts();
  void end_thoughts(int tokens);
  void write(std::string_view text);

  ViewStyle style_;
  Mode mode_ = Mode::nothing;
  bool line_open_ = false;
  int first_token_ = 0;
  std::chrono::steady_clock::time_point thinking_since_;
};

/// Without control characters but tab and line break: a terminal must not obey what a model or a file says.
std::string printable(std::string_view text);

}  // namespace dure
