#pragma once

#include "train/generate/stories.h"

namespace dure {

/// A short chat of one to four exchanges: greetings, who Dure is, wishes for stories, sums, translations of simple
/// sentences between English and Korean, small talk, and questions that a small model had better not answer.
class Dialogues {
 public:
  explicit Dialogues(Split split) : stories_(split) {}
  Item make(Language language, Choice& choice) const;

 private:
  StoryTeller stories_;
};

/// A simple sentence in both languages, such as "The rabbit eats an apple in the garden."
struct SentencePair {
  std::string en, ko;
};
SentencePair make_sentence_pair(Choice& choice);

}  // namespace dure
