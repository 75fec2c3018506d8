#include <algorithm>
#include <utility>

#include "text/tools/call_reader.h"
#include "text/tools/json_text.h"

namespace dure {
namespace {

/// Hermes, Llama 3 and others: one object with `name` and `arguments` or `parameters`, in any order; both may stand in
/// an object `function`.
class ObjectCallReader final : public CallReader {
 public:
  ObjectCallReader(const ToolFormat& f, CallSink& sink, bool bare, const std::vector<std::string>& tools)
      : CallReader(bare ? std::vector<std::string_view>{} : std::vector{f.call_begin, f.call_end}),
        format_(f),
        sink_(sink),
        bare_(bare),
        tools_(tools) {}

 private:
  enum class State : uint8_t { before, fence, member, key, colon, value, name, arguments, skipped, next, tail };

  bool in_string() const {
    return state_ == State::key || state_ == State::name ||
           ((state_ == State::arguments || state_ == State::skipped) && value_.in_string());
  }
  MarkerScanner* markers() override { return bare_ || in_string() ? nullptr : &markers_; }

  Step byte(char c) override {
    switch (state_) {
      case State::before: return before(c);
      case State::fence:
        if (c == '\n') state_ = State::before;
        return c == '{' ? before(c) : Step::more;
      case State::member: return member(c);
      case State::key:
        if (!text_.feed(c, key_)) state_ = State::colon;
        return Step::more;
      case State::colon:
        if (is_json_space(c)) return Step::more;
        if (c != ':') return give_up();
        state_ = State::value;
        return Step::more;
      case State::value: return value(c);
      case State::name:
        if (text_.feed(c, name_)) return name_.size() > kMaxToolName ? give_up() : Step::more;
        state_ = State::next;
        return settle();
      case State::arguments:
      case State::skipped: return json(c);
      case State::next: return next(c);
      case State::tail: break;
    }
    return is_json_space(c) || c == '`' || c == '}' ? Step::more : Step::done_before;
  }

  Step marker(std::string_view marker) override {
    if (marker != format_.call_end) return over(Step::done_before);
    closed_ = true;
    return over(Step::done);
  }

  Step end() override {
    if (!begun_ || state_ == State::tail) return over(Step::done);
    give_scalar();
    return Step::done;
  }

  Step before(char c) {
    if (c == '{') {
      state_ = State::member;
    } else if (c == '`') {
      state_ = State::fence;
    } else if (!is_json_space(c)) {
      return Step::refused;
    }
    return Step::more;
  }

  Step member(char c) {
    if (is_json_space(c) || c == ',') return Step::more;
    if (c == '}') return close();
    if (c != '"') return give_up();
    key_.clear();
    text_ = {};
    state_ = State::key;
    return Step::more;
  }

  Step value(char c) {
    if (is_json_space(c)) return Step::more;
    const bool names = key_ == "name" || key_ == "function";
    if (names && name_.empty() && c == '"') {
      text_ = {};
      state_ = State::name;
      return Step::more;
    }
    if (key_ == "function" && c == '{' && depth_ == 0) {
      ++depth_;
      state_ = State::member;
      return Step::more;
    }
    if (key_ == "name" && name_.empty()) return give_up();
    value_ = {};
    if ((key_ == "arguments" || key_ == "parameters") && !has_arguments_) {
      has_arguments_ = true;
      state_ = State::arguments;
      if (const Step step = settle(); step != Step::more) return step;
      return json(c);
    }
    // A bare object with anything else in it is most likely no call.
    if (bare_ && !begun_ && key_ != "type" && key_ != "id") return give_up();
    state_ = State::skipped;
    return json(c);
  }

  Step json(char c) {
    std::string out;
    const auto step = value_.feed(c, out);
    if (state_ == State::arguments && value_.is_scalar()) {
      scalar_ += out;
    } else if (state_ == State::arguments) {
      give(out);
    }
    if (step == JsonValueReader::Step::more) return Step::more;
    give_scalar();
    state_ = State::next;
    return step == JsonValueReader::Step::end ? Step::more : next(c);
  }

  Step next(char c) {
    if (is_json_space(c)) return Step::more;
    if (c == '}') return close();
    if (c != ',') return give_up();
    state_ = State::member;
    return Step::more;
  }

  Step close() {
    if (depth_ > 0) {
      --depth_;
      state_ = State::next;
      return Step::more;
    }
    if (!begun_ && (name_.empty() || !begin())) return Step::refused;
    state_ = State::tail;
    return bare_ ? over(Step::done) : Step::more;
  }

  /// The name and the arguments are known to come: the call begins.
  Step settle() {
    if (name_.empty() || !has_arguments_ || begun_) return Step::more;
    return begin() ? Step::more : Step::refused;
  }

  bool begin() {
    if (bare_ && std::find(tools_.begin(), tools_.end(), name_) == tools_.end()) return false;
    begun_ = true;
    sink_.begin(name_);
    give(std::exchange(pending_, {}));
    return true;
  }

  /// Nothing more belongs to the call, if it is one.
  Step over(Step step) {
    if (!begun_) return Step::refused;
    give_scalar();
    if (!any_) sink_.arguments("{}");
    return step;
  }
  Step give_up() { return over(Step::done_before); }

  void give(std::string_view text) {
    if (text.empty()) return;
    if (!begun_) {
      pending_ += text;
      return;
    }
    any_ = true;
    sink_.arguments(text);
  }
  /// Arguments that are a number or a word; null stands for none.
  void give_scalar() {
    if (const std::string text = std::exchange(scalar_, {}); text != "null") give(text);
  }

  const ToolFormat& format_;
  CallSink& sink_;
  const bool bare_;
  const std::vector<std::string>& tools_;
  State state_ = State::before;
  int depth_ = 0;  // objects open within the outermost
  std::string key_, name_, scalar_, pending_;
  JsonStringReader text_;
  JsonValueReader value_;
  bool has_arguments_ = false, begun_ = false, any_ = false;
};

}  // namespace

std::unique_ptr<CallReader> make_object_call_reader(const ToolFormat& format, CallSink& sink, bool bare,
                                                    const std::vector<std::string>& tools) {
  return std::make_unique<ObjectCallReader>(format, sink, bare, tools);
}

}  // namespace dure
