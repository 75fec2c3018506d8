#include <fmt/format.h>

#include <utility>

#include "text/tools/call_reader.h"
#include "text/tools/json_text.h"

namespace dure {
namespace {

/// The value of `name="value"` among attributes; empty if it is not there.
std::string_view attribute(std::string_view attributes, std::string_view name) {
  for (size_t at = attributes.find(name); at != std::string_view::npos; at = attributes.find(name, at + 1)) {
    const std::string_view rest = attributes.substr(at + name.size());
    if (rest.starts_with("=\"")) return rest.substr(2, rest.find('"', 2) - 2);
  }
  return {};
}

/// One `invoke` of DSML. Its parameters become the members of one JSON object as they come.
class DsmlCallReader final : public CallReader {
 public:
  DsmlCallReader(const ToolFormat& f, CallSink& sink)
      : CallReader({f.calls_begin, f.calls_end, f.call_begin, f.call_end, f.parameter_begin, f.parameter_end}),
        value_end_({f.parameter_end}),
        format_(f),
        sink_(sink) {}

 private:
  enum class State : uint8_t {
    attributes,  // of invoke
    between,     // parameters
    parameter,   // attributes of one
    string,      // a value: raw text
    json,        // a value: an object, an array or a string in quotes, as it stands
    value,       // a value: not known yet
    scalar,      // a value: a number, a word
    object,      // no parameters, but an object in their place
  };

  bool in_value() const { return state_ >= State::string && state_ <= State::scalar; }
  MarkerScanner* markers() override { return in_value() ? &value_end_ : &markers_; }

  Step byte(char c) override {
    switch (state_) {
      case State::attributes:
        if (c != '>') return keep(c).size() > 4 * kMaxToolName ? Step::refused : Step::more;
        return begin();
      case State::between:
        if (c != '{' || any_) return Step::more;  // nothing has a meaning here
        state_ = State::object;
        [[fallthrough]];
      case State::object: break;
      case State::parameter:
        if (c != '>') {
          keep(c);
        } else {
          begin_value();
        }
        return Step::more;
      case State::string: {
        std::string out;
        append_json_escaped(out, c);
        give(out);
        return Step::more;
      }
      case State::value:
        if (is_json_space(c)) return Step::more;
        state_ = c == '{' || c == '[' || c == '"' ? State::json : State::scalar;
        [[fallthrough]];
      case State::json:
      case State::scalar: break;
    }
    // White space at the end is none of the value.
    held_ += c;
    if (state_ != State::scalar && !is_json_space(c)) give(std::exchange(held_, {}));
    return Step::more;
  }

  Step marker(std::string_view marker) override {
    if (state_ == State::attributes) return Step::refused;
    if (in_value()) {
      end_value();
    } else if (marker == format_.parameter_begin && state_ != State::object) {
      held_.clear();
      state_ = State::parameter;
    } else if (marker != format_.parameter_end && marker != format_.parameter_begin) {
      closed_ = marker == format_.call_end;
      give_end();
      return closed_ ? Step::done : Step::done_before;
    }
    return Step::more;
  }

  Step end() override {
    if (state_ == State::attributes) return Step::refused;
    if (state_ == State::scalar) give(held_);
    if (state_ == State::between && any_) give_end();
    return Step::done;
  }

  std::string& keep(char c) { return held_ += c; }

  Step begin() {
    const std::string name(attribute(std::exchange(held_, {}), "name"));
    if (name.empty() || name.size() > kMaxToolName) return Step::refused;
    state_ = State::between;
    sink_.begin(name);
    return Step::more;
  }

  void begin_value() {
    const std::string attributes = std::exchange(held_, {});
    give(fmt::format("{}\"{}\": ", any_ ? ", " : "{", json_escaped(attribute(attributes, "name"))));
    const bool text = attribute(attributes, "string") == "true";
    state_ = text ? State::string : State::value;
    if (text) give("\"");
  }

  void end_value() {
    if (state_ == State::string) give("\"");
    // What claims to be JSON and is not can only be meant as text.
    if (state_ == State::value || state_ == State::scalar) {
      const std::string_view text = trim_json_space(held_);
      give(is_json_scalar(text) ? std::string(text) : fmt::format("\"{}\"", json_escaped(text)));
    }
    held_.clear();
    state_ = State::between;
  }

  void give_end() {
    if (state_ == State::object) return;
    give(any_ ? "}" : "{}");
  }

  void give(std::string_view text) {
    any_ = true;
    sink_.arguments(text);
  }

  MarkerScanner value_end_;
  const ToolFormat& format_;
  CallSink& sink_;
  State state_ = State::attributes;
  std::string held_;
  bool any_ = false;  // something of the arguments was given
};

}  // namespace

std::unique_ptr<CallReader> make_dsml_call_reader(const ToolFormat& format, CallSink& sink) {
  return std::make_unique<DsmlCallReader>(format, sink);
}

}  // namespace dure
