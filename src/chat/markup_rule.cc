#include "chat/markup_rule.h"

#include <algorithm>
#include <string>
#include <vector>

namespace dure {

grammar::RulePtr markup_rule(const ToolFormat& format, std::string_view text, const Tokenizer& tokenizer) {
  std::vector<std::string_view> names = tool_markup(format);
  names.push_back("｜DSML｜");
  std::erase_if(names, [&](std::string_view name) { return !tokenizer.token_id(name); });

  std::vector<grammar::RulePtr> parts;
  while (!text.empty()) {
    size_t at = text.size();
    std::string_view first;
    for (const std::string_view name : names)
      if (const size_t found = text.find(name); found < at) {
        at = found;
        first = name;
      }
    if (at > 0) parts.push_back(grammar::literal(std::string(text.substr(0, at))));
    if (!first.empty()) parts.push_back(grammar::token(*tokenizer.token_id(first)));
    text.remove_prefix(at + first.size());
  }
  return grammar::sequence(std::move(parts));
}

}  // namespace dure
