#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "train/generate/phrase.h"

namespace dure {

/// One question and its answer.
struct QuestionAndAnswer {
  std::string prompt, reasoning, answer;
};

/// One generated text. A story that nobody asked for has an answer alone.
struct Item {
  std::string kind;
  Language language = Language::en;
  std::vector<QuestionAndAnswer> exchanges = {};
  std::vector<int64_t> numbers = {};   ///< of a problem: what it is made of
  std::optional<int64_t> target = {};  ///< of a problem: what is to come out
  double nats = 0;                     ///< exact entropy; see Choice
};

/// text: {"text"} for pre-training; chat: {"messages"} for fine-tuning; problem: {"prompt", "answer"} for rewards.
enum class ItemForm { text, chat, problem };

/// Appends an item as one line of JSON, with "kind", "lang" and "nats" besides. Problems are the item's last exchange.
void write_item(const Item& item, ItemForm form, std::string& out);

}  // namespace dure
