#include "train/generate/choice.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "train/generate/arithmetic.h"
#include "train/generate/countdown.h"
#include "train/generate/dialogue.h"

namespace dure {
namespace {

constexpr Language kLanguages[] = {Language::en, Language::ko};

/// Changes each decision of a text alone, in every way, and asks for another text.
template <class Make>
void expect_text_tells_choices(uint64_t items, const Make& make) {
  for (uint64_t i = 0; i < items; ++i) {
    Choice choice(7, i);
    choice.record();
    const std::string text = make(choice);
    std::vector<uint32_t> taken;
    for (const Choice::Decision& d : choice.decisions()) taken.push_back(d.taken);
    Choice again(taken);
    ASSERT_EQ(make(again), text);
    ASSERT_NEAR(again.nats(), choice.nats(), 1e-9);
    for (size_t at = 0; at < taken.size(); ++at)
      for (uint32_t way = 0; way < std::min(choice.decisions()[at].ways, 24U); ++way) {
        if (way == taken[at]) continue;
        std::vector<uint32_t> other = taken;
        other[at] = way;
        Choice changed(other);
        ASSERT_NE(make(changed), text) << "decision " << at << " of " << text;
      }
  }
}

TEST(Stories, TextTellsItsChoices) {
  const StoryTeller teller(Split::train);
  for (const Language language : kLanguages)
    for (const bool asked : {false, true})
      expect_text_tells_choices(150, [&](Choice& c) {
        const Item item = teller.tell(language, asked, c);
        return item.exchanges[0].prompt + item.exchanges[0].answer;
      });
}

/// The text of an item as a model sees it.
std::string text_of(const Item& item) {
  std::string text;
  write_item(item, ItemForm::chat, text);
  return text.substr(0, text.find("\"nats\""));
}

TEST(Arithmetic, TextTellsItsChoices) {
  for (const Language language : kLanguages)
    expect_text_tells_choices(500, [&](Choice& c) { return text_of(make_arithmetic(language, c)); });
}

TEST(Countdown, TextTellsItsChoices) {
  for (const int count : {3, 4})
    expect_text_tells_choices(100, [&](Choice& c) { return text_of(make_countdown(count, Language::en, c)); });
}

TEST(Dialogues, TextTellsItsChoices) {
  const Dialogues dialogues(Split::train);
  for (const Language language : kLanguages)
    expect_text_tells_choices(150, [&](Choice& c) { return text_of(dialogues.make(language, c)); });
}

TEST(Dialogues, SentencePairsTellTheirChoices) {
  expect_text_tells_choices(300, [](Choice& c) { return make_sentence_pair(c).en; });
  expect_text_tells_choices(300, [](Choice& c) { return make_sentence_pair(c).ko; });
}

TEST(Choice, EntropyOfASmallGrammarIsTheComputedOne) {
  // A coin, then either one of 3 words or a weighted one of 2 (1 : 3): H = ln 2 + (ln 3 + H(1/4)) / 2.
  std::map<std::string, std::pair<int, double>> texts;
  constexpr int kCount = 200'000;
  double mean = 0;
  for (uint64_t i = 0; i < kCount; ++i) {
    Choice c(11, i);
    constexpr uint32_t kWeights[] = {1, 3};
    const std::string text = c.coin() ? std::to_string(c.below(3)) : std::to_string(3 + c.weighted(kWeights));
    auto& [count, nats] = texts[text];
    ++count;
    nats = c.nats();
    mean += c.nats() / kCount;
  }
  const double quarter = -(0.25 * std::log(0.25) + 0.75 * std::log(0.75));
  EXPECT_NEAR(mean, std::log(2.0) + (std::log(3.0) + quarter) / 2, 2e-3);
  double sum = 0;
  for (const auto& [text, seen] : texts) {
    sum += std::exp(-seen.second);
    EXPECT_NEAR(std::exp(-seen.second), static_cast<double>(seen.first) / kCount, 4e-3) << text;
  }
  EXPECT_NEAR(sum, 1, 1e-12);
}

}  // namespace
}  // namespace dure
