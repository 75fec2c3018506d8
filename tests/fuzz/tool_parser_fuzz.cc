// Whatever a model writes, in whatever pieces: an answer is taken apart the same way, each call begins once and ends,
// and text that holds neither thoughts nor calls comes out byte for byte. The first byte chooses the format and how the
// answer starts, the second the pieces; the rest is the answer.

#include <cstdint>

#include "text/tools/answer_parser.h"

namespace {

using namespace dure;
using Kind = AnswerDelta::Kind;

const ToolFormat& chosen_format(uint8_t byte) {
  const size_t choice = byte % (tool_formats().size() + 1);
  return choice == tool_formats().size() ? no_tool_format() : tool_formats()[choice];
}

AnswerStart chosen_start(uint8_t byte) {
  constexpr AnswerStart kStarts[] = {AnswerStart::text, AnswerStart::reasoning, AnswerStart::calls, AnswerStart::text};
  return kStarts[byte >> 6];
}

/// The answer in pieces of 1 to `step` bytes; 0: in one.
std::vector<AnswerDelta> parse(uint8_t choice, std::string_view text, unsigned step) {
  AnswerParser parser(chosen_format(choice), chosen_start(choice), {"f", "get_weather"});
  std::vector<AnswerDelta> out;
  const auto take = [&](const std::vector<AnswerDelta>& deltas) {
    out.insert(out.end(), deltas.begin(), deltas.end());
  };
  unsigned random = step;
  while (step > 0 && !text.empty()) {
    random = random * 1664525 + 1013904223;
    const size_t size = std::min<size_t>(1 + (random >> 16) % step, text.size());
    take(parser.push(text.substr(0, size)));
    text.remove_prefix(size);
  }
  take(parser.push(text));
  take(parser.finish());
  return join_deltas(out);
}

void check_calls(const std::vector<AnswerDelta>& deltas) {
  int calls = 0;
  bool open = false;
  for (const AnswerDelta& d : deltas) {
    if (d.kind == Kind::call_begin) {
      if (open || d.index != calls++ || d.text.empty()) __builtin_trap();
      open = true;
    } else if (d.kind == Kind::call_arguments || d.kind == Kind::call_end) {
      if (!open || d.index != calls - 1) __builtin_trap();
      open = d.kind == Kind::call_arguments;
    } else if (open) {
      __builtin_trap();
    }
  }
  if (open) __builtin_trap();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 2, size - 2);
  const std::vector<AnswerDelta> whole = parse(data[0], text, 0);
  check_calls(whole);
  if (parse(data[0], text, 1) != whole || parse(data[0], text, data[1] % 32 + 2) != whole) __builtin_trap();

  const bool thoughts = chosen_start(data[0]) == AnswerStart::reasoning || text.find("<think>") != text.npos;
  bool calls = false;
  std::string content;
  for (const AnswerDelta& d : whole) {
    calls = calls || d.kind == Kind::call_begin;
    if (d.kind == Kind::content) content += d.text;
  }
  // Behind a block that the prompt began, its end is markup even if no call came.
  if (!thoughts && !calls && chosen_start(data[0]) != AnswerStart::calls && content != text) __builtin_trap();
  return 0;
}
