#include "train/generate/dialogue.h"

#include "train/generate/arithmetic.h"
#include "train/generate/dialogue_words.h"

namespace dure {
namespace {

template <size_t n>
std::span<const std::string_view> given(const std::array<std::string_view, n>& ways) {
  size_t count = 0;
  while (count < n && !ways[count].empty()) ++count;
  return {ways.data(), count};
}

QuestionAndAnswer talk(std::span<const Topic> topics, const Slots& slots, Choice& choice) {
  const Topic& topic = choice.of(topics);
  QuestionAndAnswer e;
  slots.fill(choice.of(given(topic.asked)), e.prompt);
  slots.fill(choice.of(given(topic.answered)), e.answer);
  return e;
}

QuestionAndAnswer unknown(Language language, Choice& choice) {
  Slots slots;
  slots.set("subject", std::string(choice.of(unknown_subjects()).in(language)));
  return talk(unknowns(language), slots, choice);
}

QuestionAndAnswer translation(Language language, Choice& choice) {
  SentencePair pair = make_sentence_pair(choice);
  Slots slots;
  slots.set("sentence", language == Language::en ? pair.en : pair.ko);
  QuestionAndAnswer e;
  slots.fill(choice.of(translation_wishes(language)), e.prompt);
  e.answer = language == Language::en ? std::move(pair.ko) : std::move(pair.en);
  return e;
}

/// "eats" and "먹어요" with what one does it to.
struct Action {
  Word verb;
  ThingKind object;
};
constexpr Action kActions[] = {{{"eats", "먹어요"}, ThingKind::food},
                               {{"buys", "사요"}, ThingKind::food},
                               {{"finds", "찾아요"}, ThingKind::toy},
                               {{"draws", "그려요"}, ThingKind::animal},
                               {{"holds", "들고 있어요"}, ThingKind::toy},
                               {{"sees", "봐요"}, ThingKind::animal},
                               {{"makes", "만들어요"}, ThingKind::building},
                               {{"likes", "좋아해요"}, ThingKind::toy},
                               {{"looks for", "찾고 있어요"}, ThingKind::animal},
                               {{"washes", "씻어요"}, ThingKind::fragile}};

constexpr Word kPeople[] = {{"girl", "여자아이"}, {"boy", "남자아이"}, {"baby", "아기"},     {"farmer", "농부"},
                            {"painter", "화가"},  {"singer", "가수"},  {"sailor", "선원"},   {"clown", "광대"},
                            {"child", "아이"},    {"cook", "요리사"},  {"hunter", "사냥꾼"}, {"neighbor", "이웃"}};

}  // namespace

SentencePair make_sentence_pair(Choice& choice) {
  const Action& action = choice.of(kActions);
  const std::span<const Word> objects = things(action.object);
  const Word& object = choice.of(objects);
  const Word& adjective = choice.of(adjectives(action.object));
  const bool person = choice.coin();
  const Word& who = person ? choice.of(kPeople) : choice.of(animal_kinds());
  const Place* place = choice.coin() ? &choice.of(places()) : nullptr;

  SentencePair pair;
  Slots en, ko;
  en.set("who", std::string("the ").append(who.en));
  ko.set("who", std::string(who.ko));
  en.set("verb", std::string(action.verb.en));
  ko.set("verb", std::string(action.verb.ko));
  en.set("what", std::string(adjective.en).append(" ").append(object.en));
  ko.set("what", std::string(adjective.ko).append(" ").append(object.ko));
  en.fill("{who} {verb} {what|a}", pair.en);
  if (place != nullptr) pair.en.append(" ").append(place->where.en);
  pair.en += '.';
  ko.fill("{who|은} ", pair.ko);
  if (place != nullptr) pair.ko.append(place->where.ko).append(" ");
  ko.fill("{what|을} {verb}.", pair.ko);
  return pair;
}

Item Dialogues::make(Language language, Choice& choice) const {
  const double before = choice.nats();
  Item item{.kind = "dialogue", .language = language};
  auto& said = item.exchanges;
  if (choice.coin()) said.push_back(talk(greetings(language), {}, choice));
  const size_t topics = 1 + choice.below(2);
  constexpr uint32_t kWeights[] = {3, 2, 2, 3, 2};
  for (size_t i = 0; i < topics; ++i) {
    switch (choice.weighted(kWeights)) {
      case 0: said.push_back(talk(small_talk(language), {}, choice)); break;
      case 1: said.push_back(stories_.tell(language, true, choice).exchanges[0]); break;
      case 2: said.push_back(make_arithmetic(language, choice).exchanges[0]); break;
      case 3: said.push_back(translation(language, choice)); break;
      default: said.push_back(unknown(language, choice)); break;
    }
  }
  if (choice.coin()) said.push_back(talk(farewells(language), {}, choice));
  item.nats = choice.nats() - before;
  return item;
}

}  // namespace dure
