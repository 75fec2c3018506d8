#include "chat/infill.h"

#include <array>

namespace dure {
namespace {

struct Markers {
  std::string_view before, after, middle;  // each stands in front of its part
};
constexpr std::array kFamilies = {
    Markers{"<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>"},
    Markers{"<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"},
    Markers{"<fim_prefix>", "<fim_suffix>", "<fim_middle>"},
};

}  // namespace

std::vector<int> infill_prompt(const Tokenizer& tokenizer, std::string_view before, std::string_view after) {
  for (const Markers& m : kFamilies) {
    if (!tokenizer.token_id(m.before) || !tokenizer.token_id(m.after) || !tokenizer.token_id(m.middle)) continue;
    const std::array segments = {Segment{std::string(m.before), true}, Segment{std::string(before), false},
                                 Segment{std::string(m.after), true}, Segment{std::string(after), false},
                                 Segment{std::string(m.middle), true}};
    return tokenizer.encode(segments);
  }
  return {};
}

}  // namespace dure
