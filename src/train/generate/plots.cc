#include "train/generate/plots.h"

#include "base/error.h"

namespace dure {
namespace {

using enum Holder;
using enum Mood;

constexpr Event kLost[] = {{"has", nobody, hero, plain},        {"lost.lose", hero, nobody, sad},
                           {"lost.ask", nobody, nobody, plain}, {"lost.wrong", nobody, nobody, plain},
                           {"lost.find", nobody, hero, happy},  {"lost.thank", hero, hero, plain}};
constexpr Event kShare[] = {{"has", nobody, hero, plain},        {"meet", hero, hero, plain},
                            {"share.hungry", hero, hero, plain}, {"share.think", hero, hero, plain},
                            {"share.share", hero, both, happy},  {"share.eat", both, nobody, plain}};
constexpr Event kGift[] = {{"gift.birthday", nobody, nobody, plain}, {"gift.own", nobody, hero, plain},
                           {"gift.decide", hero, hero, plain},       {"gift.wrap", hero, hero, plain},
                           {"gift.give", hero, companion, plain},    {"gift.joy", companion, companion, glad}};
constexpr Event kBroken[] = {{"has", nobody, hero, plain},
                             {"meet", hero, hero, plain},
                             {"broken.drop", hero, nobody, sad},
                             {"broken.sorry", nobody, nobody, plain},
                             {"broken.forgive", nobody, nobody, plain},
                             {"broken.mend", nobody, nobody, plain},
                             {"broken.done", nobody, hero, happy}};
constexpr Event kStuck[] = {{"has", nobody, hero, plain},          {"meet", hero, hero, plain},
                            {"stuck.crow", hero, nobody, sad},     {"stuck.alone", nobody, nobody, plain},
                            {"stuck.idea", nobody, nobody, plain}, {"stuck.down", nobody, hero, happy}};
constexpr Event kRescue[] = {{"rescue.sound", nobody, nobody, plain}, {"rescue.find", nobody, nobody, worried},
                             {"rescue.carry", nobody, hero, plain},   {"rescue.care", hero, hero, plain},
                             {"rescue.well", hero, hero, glad},       {"rescue.thank", hero, hero, plain}};
constexpr Event kGrow[] = {{"grow.seed", nobody, hero, plain},    {"grow.plant", hero, nobody, plain},
                           {"grow.wait", nobody, nobody, sad},    {"grow.patience", nobody, nobody, plain},
                           {"grow.water", nobody, nobody, plain}, {"grow.up", nobody, hero, glad}};
constexpr Event kLearn[] = {{"learn.wish", nobody, nobody, plain},     {"learn.fail", nobody, nobody, sad},
                            {"learn.quit", nobody, nobody, plain},     {"learn.cheer", nobody, nobody, plain},
                            {"learn.practise", nobody, nobody, plain}, {"learn.can", nobody, hero, proud}};
constexpr Event kTurns[] = {{"meet", nobody, nobody, plain},
                            {"turns.bring", nobody, companion, plain},
                            {"turns.want", companion, companion, sad},
                            {"turns.stop", companion, companion, plain},
                            {"turns.idea", companion, companion, plain},
                            {"turns.play", companion, both, happy}};
constexpr Event kHonest[] = {{"honest.play", nobody, stranger, plain}, {"honest.break", stranger, nobody, worried},
                             {"honest.hide", nobody, nobody, plain},   {"honest.ask", nobody, nobody, plain},
                             {"honest.tell", nobody, nobody, plain},   {"honest.forgive", nobody, nobody, relieved}};
constexpr Event kLostWay[] = {{"lostway.follow", nobody, stranger, plain}, {"lostway.far", stranger, stranger, plain},
                              {"lostway.lost", stranger, nobody, worried}, {"lostway.met", nobody, nobody, plain},
                              {"lostway.guide", nobody, nobody, plain},    {"lostway.home", nobody, nobody, relieved}};
constexpr Event kCook[] = {{"cook.wish", nobody, nobody, plain},   {"cook.missing", nobody, nobody, worried},
                           {"cook.borrow", nobody, nobody, plain}, {"cook.lend", nobody, nobody, plain},
                           {"cook.make", nobody, both, plain},     {"cook.serve", both, stranger, glad}};
constexpr Event kBuild[] = {{"build.plan", nobody, nobody, plain}, {"build.alone", nobody, hero, plain},
                            {"build.fall", hero, nobody, sad},     {"build.help", nobody, nobody, plain},
                            {"build.again", nobody, both, plain},  {"build.done", both, both, proud}};
constexpr Event kSick[] = {{"sick.absent", nobody, nobody, sad},   {"sick.bring", nobody, hero, plain},
                           {"sick.give", hero, companion, plain},  {"sick.read", companion, companion, plain},
                           {"sick.eat", companion, nobody, plain}, {"sick.well", nobody, nobody, glad}};
constexpr Event kFound[] = {{"found.see", nobody, hero, plain},       {"found.tempt", hero, hero, plain},
                            {"found.think", hero, hero, plain},       {"found.owner", hero, hero, plain},
                            {"found.return", hero, companion, plain}, {"found.thank", companion, companion, happy}};
constexpr Event kNoise[] = {{"noise.night", nobody, nobody, plain},    {"noise.hear", nobody, stranger, worried},
                            {"noise.hide", stranger, stranger, plain}, {"noise.brave", stranger, stranger, plain},
                            {"noise.see", stranger, stranger, plain},  {"noise.in", stranger, hero, relieved}};
constexpr Event kRace[] = {{"meet", nobody, nobody, plain},
                           {"race.prize", nobody, stranger, plain},
                           {"race.start", stranger, stranger, plain},
                           {"race.fall", stranger, stranger, worried},
                           {"race.choose", stranger, stranger, plain},
                           {"race.finish", stranger, both, happy},
                           {"race.share", both, nobody, plain}};
constexpr Event kPicnic[] = {{"picnic.pack", nobody, hero, plain},
                             {"picnic.gone", hero, nobody, sad},
                             {"picnic.meet", nobody, nobody, plain},
                             {"picnic.offer", nobody, nobody, plain},
                             {"picnic.eat", nobody, nobody, happy}};
constexpr Event kEarn[] = {{"earn.see", nobody, stranger, plain},
                           {"earn.price", stranger, stranger, sad},
                           {"earn.work", stranger, stranger, plain},
                           {"earn.coins", stranger, stranger, plain},
                           {"earn.buy", stranger, hero, proud}};
constexpr Event kTreasure[] = {{"meet", nobody, nobody, plain},           {"treasure.map", nobody, nobody, plain},
                               {"treasure.walk", nobody, nobody, plain},  {"treasure.wrong", nobody, nobody, plain},
                               {"treasure.box", nobody, stranger, plain}, {"treasure.open", stranger, both, happy},
                               {"treasure.both", both, both, plain}};

constexpr Plot kPlots[] = {
    // name, thing, setting, spots, companion, elder, events
    {"lost", ThingKind::toy, Setting::place, 2, true, false, kLost},
    {"share", ThingKind::food, Setting::place, 0, true, false, kShare},
    {"gift", ThingKind::toy, Setting::none, 0, true, false, kGift},
    {"broken", ThingKind::toy, Setting::place, 0, true, true, kBroken},
    {"stuck", ThingKind::toy, Setting::place, 0, true, false, kStuck},
    {"rescue", ThingKind::animal, Setting::place, 1, false, true, kRescue},
    {"grow", ThingKind::plant, Setting::home, 0, false, true, kGrow},
    {"learn", ThingKind::skill, Setting::none, 0, false, true, kLearn},
    {"turns", ThingKind::toy, Setting::place, 0, true, false, kTurns},
    {"honest", ThingKind::fragile, Setting::home, 0, false, true, kHonest},
    {"lostway", ThingKind::chased, Setting::place, 0, true, true, kLostWay},
    {"cook", ThingKind::dish, Setting::home, 0, true, true, kCook},
    {"build", ThingKind::building, Setting::none, 0, true, false, kBuild},
    {"sick", ThingKind::food, Setting::home, 0, true, false, kSick},
    {"found", ThingKind::toy, Setting::place, 1, true, false, kFound},
    {"noise", ThingKind::animal, Setting::none, 0, false, false, kNoise},
    {"race", ThingKind::food, Setting::place, 0, true, false, kRace},
    {"picnic", ThingKind::food, Setting::place, 0, true, false, kPicnic},
    {"earn", ThingKind::toy, Setting::none, 0, false, true, kEarn},
    {"treasure", ThingKind::toy, Setting::place, 2, true, false, kTreasure},
};

}  // namespace

std::span<const Plot> plots() { return kPlots; }

void World::happen(const Event& event) {
  require(holder_ == event.before, "event {}: the thing of the story is not where it is needed", event.name);
  holder_ = event.after;
  if (event.mood != Mood::plain) mood_ = event.mood;
}

}  // namespace dure
