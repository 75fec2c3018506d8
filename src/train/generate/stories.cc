#include "train/generate/stories.h"

#include <iterator>
#include <utility>

#include "base/error.h"

namespace dure {
namespace {

/// The finaliser of SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
uint64_t mix(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
  return x ^ (x >> 31);
}

/// How a mood is told of, and how a story ends in it. No story ends sad.
struct MoodEvents {
  std::string_view told, end;
};
MoodEvents mood_events(Mood mood) {
  switch (mood) {
    case Mood::plain: break;
    case Mood::sad: return {"mood.sad", {}};
    case Mood::worried: return {"mood.worried", {}};
    case Mood::happy: return {"mood.happy", "end.happy"};
    case Mood::glad: return {"mood.happy", "end.glad"};
    case Mood::relieved: return {"mood.relieved", "end.relieved"};
    case Mood::proud: return {"mood.proud", "end.proud"};
  }
  return {};
}

std::string joined(std::string_view a, std::string_view b) { return std::string(a).append(" ").append(b); }

/// One story as it is being told.
class Narration {
 public:
  Narration(Language language, Choice& choice) : language_(language), choice_(choice) {}

  void set_hero(const Name& name);
  void set_companion(size_t hero);
  void set_thing(ThingKind kind, const Word& thing);
  void set_place(int spots);
  void set_day() {
    set("weather", pick(weathers()));
    set("time", pick(times()));
  }
  void set_hobby() { set("hobby", pick(hobbies())); }
  void set_elder() { set("elder", pick(elders())); }

  /// One of the ways to tell an event.
  void say(std::string_view event) { say_pattern(choice_.of(find_telling(language_, event).said())); }
  /// One of the ways to end, of which those with the companion are some.
  void say_end(std::string_view mood, bool companion);
  std::string take() { return std::exchange(text_, {}); }

 private:
  void set(std::string_view slot, std::string_view value) { slots_.set(slot, std::string(value)); }
  std::string_view pick(std::span<const Word> words) { return choice_.of(words).in(language_); }
  std::string_view by_language(const Word& word) const { return word.in(language_); }
  void say_pattern(std::string_view pattern);

  Language language_;
  Choice& choice_;
  Slots slots_;
  std::string text_;
};

void Narration::set_hero(const Name& name) {
  set("hero", name_in_story(name, language_));
  set("heroname", language_ == Language::en ? name.en : name.ko);
  set("he", name.female ? "she" : "he");
  set("him", name.female ? "her" : "him");
  set("his", name.female ? "her" : "his");
  set("himself", name.female ? "herself" : "himself");
  const std::string_view trait = pick(traits());
  constexpr Word kGirl = {"girl", "여자아이"}, kBoy = {"boy", "남자아이"};
  const Word& kind = choice_.coin() ? choice_.of(animal_kinds()) : name.female ? kGirl : kBoy;
  set("kind", by_language(kind));
  set("who", joined(trait, by_language(kind)));
}

/// Somebody of another name than the hero.
void Narration::set_companion(size_t hero) {
  size_t index = choice_.below(child_names().size() - 1);
  if (index >= hero) ++index;
  const Name& name = child_names()[index];
  const std::string called = name_in_story(name, language_);
  set("friend", called);
  set("friend_his", name.female ? "her" : "his");
  constexpr Word kFrom[] = {
      {"from next door", "옆집에 사는"}, {"from school", "같은 반"}, {"from across the street", "길 건너에 사는"}};
  if (choice_.coin()) {
    const Word& kind = choice_.of(animal_kinds());
    set("friend_full", language_ == Language::en ? joined(joined(called, "the"), kind.en) : joined(kind.ko, called));
  } else {
    const Word& from = choice_.of(kFrom);
    set("friend_full", language_ == Language::en ? joined(called, from.en) : joined(from.ko, called));
  }
}

void Narration::set_thing(ThingKind kind, const Word& thing) {
  const std::string_view adjective = pick(adjectives(kind));
  set("thing", by_language(thing));
  set("adj", adjective);
  set("new", joined(adjective, by_language(thing)));
  set("out", thing.second(language_));
  set("can", thing.ko2);
}

/// With two spots the first is where nothing is found.
void Narration::set_place(int spots) {
  const Place& place = choice_.of(places());
  set("place", by_language(place.name));
  if (spots == 0) return;
  const size_t spot = choice_.below(std::size(place.spots));
  set("spot", by_language(place.spots[spot]));
  if (spots == 1) return;
  const size_t other = choice_.below(std::size(place.spots) - 1);
  set("wrong", by_language(place.spots[other < spot ? other : other + 1]));
}

void Narration::say_pattern(std::string_view pattern) {
  if (!text_.empty()) text_ += ' ';
  slots_.fill(pattern, text_);
}

void Narration::say_end(std::string_view mood, bool companion) {
  const auto own = find_telling(language_, mood).said();
  const auto together = find_telling(language_, "end.friend").said();
  const size_t at = choice_.below(own.size() + (companion ? together.size() : 0));
  say_pattern(at < own.size() ? own[at] : together[at - own.size()]);
}

}  // namespace

const Telling& find_telling(Language language, std::string_view event) {
  const std::span<const Telling> all = language == Language::en ? english_tellings() : korean_tellings();
  for (const Telling& t : all)
    if (t.event == event) return t;
  fail("nothing tells of the event {}", event);
}

bool is_held_out(size_t plot, size_t hero, size_t thing) {
  constexpr uint64_t kOneIn = 32;
  return mix((uint64_t{plot} << 32 | uint64_t{hero} << 16 | uint64_t{thing}) + 0x9E3779B97F4A7C15) % kOneIn == 0;
}

StoryTeller::StoryTeller(Split split) : split_(split) {
  for (size_t p = 0; p < plots().size(); ++p) {
    auto& allowed = combinations_.emplace_back();
    for (size_t hero = 0; hero < child_names().size(); ++hero)
      for (size_t thing = 0; thing < things(plots()[p].thing).size(); ++thing)
        if (is_held_out(p, hero, thing) == (split == Split::held_out)) allowed.push_back({hero, thing});
  }
}

Item StoryTeller::tell(Language language, bool asked, Choice& choice) const {
  const double before = choice.nats();
  const size_t plot_index = choice.below(plots().size());
  const Plot& plot = plots()[plot_index];
  const std::vector<Combination>& allowed = combinations_[plot_index];
  const size_t all = child_names().size() * things(plot.thing).size();
  const Combination& with =
      allowed[split_ == Split::train ? choice.below(allowed.size()) : choice.below_part(allowed.size(), all)];

  Narration story(language, choice);
  story.set_hero(child_names()[with.hero]);
  story.set_thing(plot.thing, things(plot.thing)[with.thing]);
  if (plot.companion) story.set_companion(with.hero);
  if (plot.elder) story.set_elder();
  if (plot.setting == Setting::place) story.set_place(plot.spots);
  if (plot.setting != Setting::none) story.set_day();

  Item item{.kind = "stories", .language = language};
  QuestionAndAnswer& e = item.exchanges.emplace_back();
  if (asked) {
    story.say("ask");
    e.prompt = story.take();
  }
  story.say("open");
  if (choice.coin()) {
    story.set_hobby();
    story.say("hobby");
  }
  if (plot.setting == Setting::place) story.say("go");
  if (plot.setting == Setting::home) story.say("home");
  World world;
  for (const Event& event : plot.events) {
    const Mood mood = world.mood();
    world.happen(event);
    story.say(event.name);
    if (world.mood() != mood && choice.coin()) story.say(mood_events(world.mood()).told);
  }
  if (choice.coin()) story.say(std::string(plot.name).append(".moral"));
  story.say_end(mood_events(world.mood()).end, plot.companion);
  e.answer = story.take();
  item.nats = choice.nats() - before;
  return item;
}

}  // namespace dure
