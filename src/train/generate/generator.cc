#include "train/generate/generator.h"

#include <algorithm>

#include "base/error.h"
#include "base/json.h"
#include "train/generate/arithmetic.h"
#include "train/generate/countdown.h"

namespace dure {
namespace {

constexpr std::string_view kKinds[] = {"stories", "arithmetic", "countdown", "dialogue"};

ItemForm parse_form(std::string_view form) {
  if (form == "text") return ItemForm::text;
  if (form == "chat") return ItemForm::chat;
  require(form == "problem", "form '{}': expected text, chat or problem", form);
  return ItemForm::problem;
}

void add_parts(std::vector<MixPart>& mix, std::string_view kind, std::string_view language, std::string_view form,
               uint32_t weight) {
  require(std::ranges::find(kKinds, kind) != std::end(kKinds),
          "kind '{}': expected stories, arithmetic, countdown or dialogue", kind);
  const bool both = language == "both";
  require(both || language == "en" || language == "ko", "language '{}': expected en, ko or both", language);
  const ItemForm as = parse_form(form);
  require(as != ItemForm::problem || kind == "arithmetic" || kind == "countdown",
          "form problem: only arithmetic and countdown have one");
  require(kind != "dialogue" || as == ItemForm::chat, "kind dialogue: expected form chat");
  if (both || language == "en") mix.push_back({std::string(kind), Language::en, as, weight});
  if (both || language == "ko") mix.push_back({std::string(kind), Language::ko, as, weight});
}

}  // namespace

std::vector<MixPart> mix_of(std::string_view kind, std::string_view language, std::string_view form) {
  std::vector<MixPart> mix;
  add_parts(mix, kind, language, form.empty() ? (kind == "dialogue" ? "chat" : "text") : form, 1);
  return mix;
}

std::vector<MixPart> parse_mix(const Json& json, std::string_view source) {
  require(json.is_object() && json.contains("parts") && json["parts"].is_array(), "{}: expected a list 'parts'",
          source);
  std::vector<MixPart> mix;
  for (const Json& part : json["parts"]) {
    require(part.is_object(), "{}: a part: expected an object", source);
    for (const auto& [name, value] : part.items())
      require(name == "kind" || name == "lang" || name == "form" || name == "weight", "{}: field '{}' is not known",
              source, name);
    const auto word = [&](const char* name, const char* otherwise) {
      if (!part.contains(name)) return std::string(otherwise);
      require(part[name].is_string(), "{}: field '{}': expected a word", source, name);
      return part[name].get<std::string>();
    };
    const std::string kind = word("kind", "");
    int64_t weight = 1;
    if (part.contains("weight")) {
      require(part["weight"].is_number_integer(), "{}: field 'weight': expected a whole number", source);
      weight = part["weight"].get<int64_t>();
    }
    require(weight > 0 && weight <= 1'000'000, "{}: field 'weight': expected 1 to 1000000, not {}", source, weight);
    try {
      add_parts(mix, kind, word("lang", "both"), word("form", kind == "dialogue" ? "chat" : "text"),
                static_cast<uint32_t>(weight));
    } catch (const Error& e) {
      fail("{}: {}", source, e.what());
    }
  }
  require(!mix.empty(), "{}: 'parts' is empty", source);
  return mix;
}

Generator::Generator(std::vector<MixPart> mix, Split split, uint64_t seed)
    : mix_(std::move(mix)), stories_(split), dialogues_(split), seed_(seed) {
  require(!mix_.empty(), "there is nothing to generate");
  for (const MixPart& part : mix_) weights_.push_back(part.weight);
}

double Generator::append(uint64_t index, std::string& out) const {
  Choice choice(seed_, index);
  const MixPart& part = mix_.size() == 1 ? mix_[0] : mix_[choice.weighted(weights_)];
  Item item;
  if (part.kind == "stories") {
    item = stories_.tell(part.language, part.form == ItemForm::chat, choice);
  } else if (part.kind == "arithmetic") {
    item = make_arithmetic(part.language, choice);
  } else if (part.kind == "countdown") {
    item = make_countdown(3 + static_cast<int>(choice.below(2)), part.language, choice);
  } else {
    item = dialogues_.make(part.language, choice);
  }
  item.nats = choice.nats();
  write_item(item, part.form, out);
  return choice.nats();
}

}  // namespace dure
