#pragma once

#include <string>

#include "chat/assistant.h"
#include "chat/saved_chat.h"
#include "cli/answer_view.h"

namespace dure {

/// One conversation with one model, between the keyboard (or a pipe) and the assistant. Commands work on its public
/// members; chat.cc feeds it lines.
class ChatSession {
 public:
  /// REQUIRES: the assistant outlives this.
  ChatSession(Assistant& assistant, std::string model_name, const ViewStyle& style, Settings settings);

  Assistant& assistant;
  const std::string model_name;
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
  int vocab_size() const { return assistant.model().info().vocab_size; }
  Json flags() const;

 private:
  std::vector<int> prompt(bool& in_reasoning) const;
  void report(const GenerationResult& result);
};

}  // namespace dure
