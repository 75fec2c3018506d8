#include "text/normalizer.h"

#include "base/utf8.h"
#include "text/unicode.h"

namespace dure {
namespace {

std::string strip(std::string_view text, normalizers::Strip sides) {
  size_t begin = 0, end = 0;  // of what remains
  bool inside = false;
  for (size_t at = 0; at < text.size();) {
    const size_t here = at;
    if (is_white_space(next_utf8(text, at))) continue;
    if (!inside) begin = here;
    inside = true;
    end = at;
  }
  if (!inside) return {};
  return std::string(text.substr(sides.left ? begin : 0, (sides.right ? end : text.size()) - (sides.left ? begin : 0)));
}

}  // namespace

Normalizer::Normalizer(const TokenizerSpec& spec) {
  for (const normalizers::Step& rule : spec.normalizers) {
    Step step{rule, std::nullopt};
    if (const auto* replace = std::get_if<normalizers::Replace>(&rule))
      step.pattern.emplace(replace->pattern, spec.source);
    steps_.push_back(std::move(step));
  }
}

std::string Normalizer::operator()(std::string_view original, bool at_start) const {
  std::string text(original);
  for (const Step& step : steps_) {
    if (const auto* prepend = std::get_if<normalizers::Prepend>(&step.rule)) {
      if (at_start && !text.empty()) text.insert(0, prepend->prefix);
    } else if (const auto* replace = std::get_if<normalizers::Replace>(&step.rule)) {
      text = step.pattern->replace_all(text, replace->content);
    } else if (const auto* form = std::get_if<normalizers::UnicodeForm>(&step.rule)) {
      text = to_unicode_form(text, *form);
    } else if (std::holds_alternative<normalizers::Lowercase>(step.rule)) {
      text = to_lower_case(text);
    } else {
      text = strip(text, std::get<normalizers::Strip>(step.rule));
    }
  }
  return text;
}

}  // namespace dure
