#pragma once

#include <string>

#include "chat/saved_chat.h"
#include "cli/answer_view.h"
#include "cli/answerer.h"

namespace dure {

/// One conversation with one model, between the keyboard (or a pipe) and whoever answers. Commands work on its public
/// members; chat.cc feeds it lines.
class ChatSession {
 public:
  /// REQUIRES: the answerer outlives this.
  ChatSession(Answerer& answerer, const ViewStyle& style, Settings settings);

  Answerer& answerer;
  ViewStyle style;
  Conversation conversation;
  Settings settings;
  const Settings defaults;
  bool leave = false;             ///< the user is done
  bool told_about_flags = false;  ///< that the template does not look at /think

  struct Totals {
    int answers = 0, tokens = 0, context = 0;  ///< context: tokens of the conversation as last computed
    double decode_seconds = 0;
    GenerationResult last;
  } totals;

  enum class Outcome { done, interrupted, failed };
  /// A message of the user, or a command. Whatever goes wrong is told in one line, and the conversation stays as it
  /// was.
  Outcome take(const std::string& line);
  /// Answers the last question; it has no answer yet. Throws Error if that cannot be done.
  Outcome answer();

  /// A line beside the conversation: dim on a terminal; elsewhere on standard error, for standard output holds answers.
  void note(const std::string& line) const;
  std::string context_text() const;  ///< "812 of 8192"; the first number where that is all one knows

 private:
  void report(const GenerationResult& result);
};

}  // namespace dure
