#include "text/tools/call_reader.h"
#include "text/tools/json_text.h"

namespace dure {
namespace {

/// DeepSeek-V3 and R1: `function`, the separator, the name on a line, the arguments in a fenced block.
/// V3.1: the name, the separator, the arguments. Each is accepted in place of the other.
class HeadingCallReader final : public CallReader {
 public:
  HeadingCallReader(const ToolFormat& f, CallSink& sink)
      : CallReader({f.separator, f.calls_begin, f.calls_end, f.call_begin, f.call_end}), format_(f), sink_(sink) {}

 private:
  enum class State : uint8_t { heading, name, before, fence, value, raw, tail };

  Step byte(char c) override {
    switch (state_) {
      case State::heading: return heading(c);
      case State::name: return name(c);
      case State::before: return before(c);
      case State::fence:
        if (c == '{' || c == '"' || c == '[') return value(c);
        if (c == '\n') state_ = State::before;
        return Step::more;
      case State::value: return value(c);
      case State::raw: return raw(c);
      case State::tail: break;
    }
    return is_json_space(c) || c == '`' || c == '}' ? Step::more : Step::done_before;
  }

  Step marker(std::string_view marker) override {
    if (marker == format_.separator) {
      if (state_ == State::heading) return after_heading();
      return for_each_byte(marker);
    }
    if (const Step step = end(); step == Step::refused) return step;
    if (!any_) sink_.arguments("{}");
    closed_ = marker == format_.call_end;
    return closed_ ? Step::done : Step::done_before;
  }

  Step end() override {
    if (state_ == State::name && !trim_json_space(heading_).empty()) begin();
    return state_ == State::heading || state_ == State::name ? Step::refused : Step::done;
  }

  Step heading(char c) {
    const bool blank = trim_json_space(heading_).empty();
    if (heading_.size() > kMaxToolName || c == '{' || c == '"' || (c == '\n' && !blank)) return Step::refused;
    heading_ += c;
    return Step::more;
  }

  Step after_heading() {
    const std::string_view name = trim_json_space(heading_);
    if (name.empty()) return Step::refused;
    if (name == "function") {
      heading_.clear();
      state_ = State::name;
    } else {
      begin();
    }
    return Step::more;
  }

  Step name(char c) {
    const bool blank = trim_json_space(heading_).empty();
    if (c == '\n' || c == '{' || c == '`') {
      if (blank && c == '{') heading_ = "function";  // V3.1's way to call a function of that name
      if (trim_json_space(heading_).empty()) return c == '\n' ? Step::more : Step::refused;
      begin();
      return byte(c);
    }
    if (heading_.size() > kMaxToolName) return Step::refused;
    heading_ += c;
    return Step::more;
  }

  void begin() {
    sink_.begin(trim_json_space(heading_));
    state_ = State::before;
  }

  Step before(char c) {
    if (is_json_space(c)) return Step::more;
    if (c == '{' || c == '"' || c == '[') return value(c);
    state_ = c == '`' ? State::fence : State::raw;
    return c == '`' ? Step::more : raw(c);
  }

  Step value(char c) {
    state_ = State::value;
    std::string out;
    const auto step = value_.feed(c, out);
    give(out);
    if (step != JsonValueReader::Step::more) state_ = State::tail;
    return Step::more;
  }

  /// No JSON: as it stands, but for the end of a fence.
  Step raw(char c) {
    held_ += c;
    if (is_json_space(c) || c == '`') return Step::more;
    give(held_);
    held_.clear();
    return Step::more;
  }

  Step for_each_byte(std::string_view text) {
    for (const char c : text)
      if (const Step step = byte(c); step != Step::more) return step;
    return Step::more;
  }

  void give(std::string_view text) {
    if (text.empty()) return;
    any_ = true;
    sink_.arguments(text);
  }

  const ToolFormat& format_;
  CallSink& sink_;
  State state_ = State::heading;
  std::string heading_, held_;
  JsonValueReader value_;
  bool any_ = false;
};

}  // namespace

std::unique_ptr<CallReader> make_heading_call_reader(const ToolFormat& format, CallSink& sink) {
  return std::make_unique<HeadingCallReader>(format, sink);
}

}  // namespace dure
