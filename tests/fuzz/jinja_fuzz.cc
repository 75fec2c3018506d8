// Whatever the bytes are, they are a template that renders within its budget, or Error is thrown; the segments
// of the text alternate in trust and add up to it.

#include <cstdint>

#include "base/error.h"
#include "base/json.h"
#include "text/jinja/evaluator.h"
#include "text/jinja/parser.h"

namespace {

constexpr std::string_view kContext =
    R"({"bos_token": "<s>", "add_generation_prompt": true, "n": 3, "x": 1.5, "none": null,
  "messages": [{"role": "system", "content": "S"}, {"role": "user", "content": "\u00e4 \u0001b\n c"},
               {"role": "assistant", "content": null, "tool_calls": [{"id": "1", "function": {"name": "f",
                "arguments": {"a": [1, 2.5, true], "b": "\u20ac"}}}]}, {"role": "tool", "content": ["t"]}],
  "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}], "s": "Ab, cD ef"})";

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace dure;
  static const Json context = parse_json(kContext, "context");
  try {
    const jinja::Body body = jinja::parse({reinterpret_cast<const char*>(data), size});
    jinja::Evaluator evaluator([](const std::string& format) { return format; },
                               {.work = 200'000, .memory = size_t{16} << 20});
    for (const auto& [key, value] : context.get_ref<const Json::object_t&>())
      evaluator.define(key, evaluator.heap().from_json(value, false));
    const MarkedText text = evaluator.run(body);
    size_t bytes = 0;
    bool first = true, trusted = false;
    for (const Segment& segment : text.segments()) {
      if (segment.text.empty() || (!first && segment.trusted == trusted)) __builtin_trap();
      first = false;
      trusted = segment.trusted;
      bytes += segment.text.size();
    }
    if (bytes != text.size()) __builtin_trap();
  } catch (const Error&) {}
  return 0;
}
