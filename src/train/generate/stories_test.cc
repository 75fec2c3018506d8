#include "train/generate/stories.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "base/error.h"

namespace dure {
namespace {

constexpr Language kLanguages[] = {Language::en, Language::ko};

TEST(Stories, BothLanguagesTellTheSameEvents) {
  ASSERT_EQ(english_tellings().size(), korean_tellings().size());
  for (size_t i = 0; i < english_tellings().size(); ++i) {
    const Telling &en = english_tellings()[i], &ko = korean_tellings()[i];
    EXPECT_EQ(en.event, ko.event);
    EXPECT_EQ(en.said().size(), ko.said().size()) << en.event;
    EXPECT_FALSE(en.said().empty()) << en.event;
    std::set<std::string_view> ways(ko.said().begin(), ko.said().end());
    EXPECT_EQ(ways.size(), ko.said().size()) << en.event;
  }
}

TEST(Stories, NothingIsUsedWhereItIsNot) {
  for (const Plot& plot : plots()) {
    World world;
    for (const Event& event : plot.events) EXPECT_NO_THROW(world.happen(event)) << event.name;
    EXPECT_GE(world.mood(), Mood::happy) << plot.name << ": no story ends sad";
  }
  World world;
  EXPECT_THROW(world.happen({"lost.lose", Holder::hero, Holder::nobody, Mood::sad}), Error);
}

TEST(Stories, HeldOutCombinationsAreNeverTrainedOn) {
  std::set<std::vector<uint32_t>> seen[2];
  for (const Split split : {Split::train, Split::held_out}) {
    const StoryTeller teller(split);
    for (size_t plot = 0; plot < plots().size(); ++plot) {
      // The first two choices are plot and combination; run through all of the latter.
      std::map<std::string, int> texts;
      Choice probe(std::vector<uint32_t>{static_cast<uint32_t>(plot)});
      probe.record();
      teller.tell(Language::en, false, probe);
      const uint32_t count = probe.decisions()[1].ways;
      const Plot& p = plots()[plot];
      uint32_t expected = 0;
      for (size_t hero = 0; hero < child_names().size(); ++hero)
        for (size_t thing = 0; thing < things(p.thing).size(); ++thing)
          expected += is_held_out(plot, hero, thing) == (split == Split::held_out) ? 1 : 0;
      EXPECT_EQ(count, expected) << p.name;
      EXPECT_GT(count, 0U) << p.name;
      for (uint32_t i = 0; i < count; ++i) {
        Choice choice(std::vector<uint32_t>{static_cast<uint32_t>(plot), i});
        const Item item = teller.tell(Language::en, false, choice);
        seen[split == Split::train ? 0 : 1].insert({static_cast<uint32_t>(plot), i});
        ++texts[item.exchanges[0].answer];
      }
      EXPECT_EQ(texts.size(), count) << "the text tells the combination";
    }
  }
  const double all = static_cast<double>(seen[0].size() + seen[1].size());
  EXPECT_NEAR(static_cast<double>(seen[1].size()) / all, 1.0 / 32, 0.006);
}

TEST(Stories, HeldOutStoriesCountAsAllOthers) {
  double mean[2] = {};
  constexpr uint64_t kCount = 20'000;
  for (const Split split : {Split::train, Split::held_out}) {
    const StoryTeller teller(split);
    for (uint64_t i = 0; i < kCount; ++i) {
      Choice choice(4, i);
      mean[split == Split::train ? 0 : 1] += teller.tell(Language::en, false, choice).nats / kCount;
    }
  }
  EXPECT_NEAR(mean[0], mean[1], 0.15);  // but for ln(32 / 31) and chance
}

TEST(Stories, NoSlotIsLeftAndNoTwoAreAlike) {
  const StoryTeller teller(Split::train);
  for (const Language language : kLanguages) {
    std::set<std::string> texts;
    double nats = 0;
    constexpr uint64_t kCount = 20'000;
    for (uint64_t i = 0; i < kCount; ++i) {
      Choice choice(3, i);
      const Item item = teller.tell(language, false, choice);
      const std::string& text = item.exchanges[0].answer;
      ASSERT_EQ(text.find_first_of("{}|"), text.npos) << text;
      ASSERT_EQ(text.find("  "), text.npos) << text;
      nats += item.nats;
      texts.insert(text);
    }
    EXPECT_EQ(texts.size(), kCount);
    EXPECT_GT(nats / kCount, 25) << "e^25 stories and more";
  }
}

}  // namespace
}  // namespace dure
