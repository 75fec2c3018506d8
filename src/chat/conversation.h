#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json_fwd.h"

namespace dure {

/// What was said: the system message, then questions and answers in turn. Text is valid UTF-8 throughout.
class Conversation {
 public:
  struct Turn {
    std::string question;
    std::string answer, reasoning;
    bool answered = false;  ///< only the last turn may lack its answer
  };

  const std::string& system() const { return system_; }
  void set_system(std::string text);
  const std::vector<Turn>& turns() const { return turns_; }
  bool empty() const { return turns_.empty(); }

  /// A file's text, which goes before the next question.
  void attach(std::string_view name, std::string_view text);
  /// REQUIRES: the last question has its answer.
  void ask(std::string_view text);
  /// REQUIRES: the last question has no answer.
  void answer(std::string_view content, std::string_view reasoning);
  /// Takes the last turn back. False if there is none.
  bool undo();
  /// Takes the last answer back, so that its question can be answered anew. False if there is none.
  bool retract();
  /// Forgets turns and attached files; the system message stays.
  void clear();

  /// As chat templates read it: [{"role", "content"}, ...]. Thoughts stay out of `content`, where only some templates
  /// would remove them, and go into `reasoning_content`, for the templates that show the model its own.
  Json messages() const;

  /// Throws Error naming `source` and the message at fault unless `messages` is a conversation of texts: perhaps a
  /// system message, then questions and answers in turn.
  static Conversation from_messages(const Json& messages, const std::string& source);

 private:
  std::string system_, attached_;
  std::vector<Turn> turns_;
};

}  // namespace dure
