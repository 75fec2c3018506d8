#include "text/tools/answer_parser.h"

#include <algorithm>
#include <utility>

#include "text/tools/call_reader.h"
#include "text/tools/json_text.h"
#include "text/tools/marker_scanner.h"

namespace dure {
namespace {

constexpr std::string_view kThink = "<think>", kEndThink = "</think>";
constexpr int kMaxFence = 24;  // bytes of "```json"

bool is_word(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; }

}  // namespace

/// Works byte by byte, so that it can not matter how the answer was cut.
class AnswerParser::Machine final : public CallSink {
 public:
  Machine(const ToolFormat& format, AnswerStart start, std::vector<std::string> tools)
      : format_(format),
        tools_(std::move(tools)),
        think_end_({kEndThink}),
        markers_({format.calls_begin, format.calls_end, format.call_begin, format.call_end, format.alternative_begin}) {
    if (start != AnswerStart::text) state_ = start == AnswerStart::calls ? State::text : State::reasoning;
    if (start != AnswerStart::calls) return;
    block_open_ = true;
    markup_ = std::string(format.calls_begin) + std::string(format.calls_gap);
  }

  void feed(std::string_view text) {
    for (const char c : text) byte(c);
  }

  void finish() {
    if (state_ == State::start) end_start();
    if (state_ == State::reasoning && think_end_.holds()) thought(think_end_.take());
    if (state_ == State::call) end_call(reader_->finish());
    for (const char c : markers_.take()) plain(c);
    if (!only_calls_ || pending_.find_first_not_of(" \n\r\t;,") != std::string::npos) flush();
  }

  std::vector<AnswerDelta> take() { return std::exchange(deltas_, {}); }
  int calls() const { return calls_; }
  const std::string& calls_text() const {
    static const std::string kNothing;
    return calls_ == 0 || text_after_call_ ? kNothing : markup_;
  }

 private:
  enum class State : uint8_t { start, reasoning, gap, text, call };
  /// A Markdown fence that begins or ends a line, and may stand around a call.
  enum class Fence : uint8_t { none, ticks, word, ready };

  void byte(char c) {
    switch (state_) {
      case State::start: return start(c);
      case State::reasoning: return reasoning(c);
      case State::gap:
        if (is_json_space(c)) return;
        state_ = State::text;
        [[fallthrough]];
      case State::text: return text(c);
      case State::call: return call(c);
    }
  }

  /// Only <think> may follow on white space here, or else the text begins.
  void start(char c) {
    if (is_json_space(c) && opening_.empty()) {
      pending_ += c;
      return;
    }
    opening_ += c;
    if (opening_ == kThink) {
      state_ = State::reasoning;
      pending_.clear();
    } else if (!kThink.starts_with(opening_)) {
      end_start();
    }
  }
  void end_start() {
    state_ = State::text;
    const std::string seen = std::exchange(pending_, {}) + opening_;
    feed(seen);
  }

  void reasoning(char c) {
    std::string out;
    const bool over = !think_end_.feed(c, out).empty();
    thought(out);
    if (!over) return;
    pending_.clear();
    state_ = State::gap;
  }
  void thought(std::string_view text) {
    for (const char c : text) {
      if (is_json_space(c)) {
        if (thought_) pending_ += c;
        continue;
      }
      thought_ = true;
      emit(AnswerDelta::Kind::reasoning, std::exchange(pending_, {}));
      emit(AnswerDelta::Kind::reasoning, {&c, 1});
    }
  }

  void text(char c) {
    if (format_.body == ToolFormat::Body::none) return emit(AnswerDelta::Kind::content, {&c, 1});
    std::string out;
    const std::string_view found = markers_.feed(c, out);
    for (const char p : out) plain(p);  // of several bytes the first is no space, so that none begins a call
    if (!found.empty()) marker(found);
  }

  /// Text that is no marker. What may yet turn out to belong to a call is pending.
  void plain(char c) {
    if (is_json_space(c)) {
      pending_ += c;
      if (c == '\n') line_start_ = true;
      if (fence_ != Fence::none) fence_ = ticks_ >= 3 ? Fence::ready : Fence::none;
      return;
    }
    if (c == '{' && format_.bare_object && line_start_ && (fence_ == Fence::none || ticks_ >= 3)) {
      if (fence_ != Fence::none) fence_ = Fence::ready;
      begin_call(true);
      return call(c);
    }
    if (fence(c)) {
      pending_ += c;
      if (closes_fence()) {
        pending_.erase(pending_.size() - 3);
        fence_ = Fence::none;
        fenced_ = false;
      }
      return;
    }
    if (only_calls_ && format_.bare_object && (c == ';' || c == ',')) {
      pending_ += c;
      return;
    }
    flush();
    emit_content({&c, 1});
  }

  /// Whether the byte belongs to a fence.
  bool fence(char c) {
    if (c == '`' && line_start_ && (fence_ == Fence::none || fence_ == Fence::ready)) {
      if (fence_ == Fence::ready) flush();
      fence_ = Fence::ticks;
      ticks_ = 1;
      return true;
    }
    if (fence_ == Fence::ticks && c == '`') return ++ticks_ <= 3;
    if ((fence_ != Fence::ticks || ticks_ != 3) && fence_ != Fence::word) return false;
    fence_ = Fence::word;
    return is_word(c) && ++ticks_ <= kMaxFence;
  }
  bool closes_fence() const { return fenced_ && fence_ == Fence::ticks && ticks_ == 3; }

  void marker(std::string_view found) {
    const bool open = only_calls_ || call_open_ || block_open_;
    if (found == format_.call_begin || found == format_.alternative_begin) {
      pending_ += found;
      begin_call(false);
    } else if (found == format_.calls_begin) {
      pending_ += found;
    } else if (open) {
      (found == format_.call_end ? call_open_ : block_open_) = false;
      if (only_calls_) markup_ += std::exchange(pending_, {}) + std::string(found);
    } else {
      flush();
      emit_content(found);
    }
  }

  void begin_call(bool bare) {
    raw_ = std::exchange(pending_, {});
    reader_ = make_reader(bare);
    state_ = State::call;
  }

  std::unique_ptr<CallReader> make_reader(bool bare) {
    switch (format_.body) {
      case ToolFormat::Body::heading: return make_heading_call_reader(format_, *this);
      case ToolFormat::Body::dsml: return make_dsml_call_reader(format_, *this);
      default: return make_object_call_reader(format_, *this, bare, tools_);
    }
  }

  void call(char c) {
    raw_ += c;
    const auto step = reader_->feed(c);
    if (step != CallReader::Step::more) end_call(step);
  }

  void end_call(CallReader::Step step) {
    const std::string rest = reader_->rest();
    raw_.resize(raw_.size() - rest.size());
    state_ = State::text;
    if (step == CallReader::Step::refused) {
      pending_ = std::exchange(raw_, {});
      flush();
    } else {
      add({AnswerDelta::Kind::call_end, calls_ - 1});
      call_open_ = !reader_->closed();
      markup_ += std::exchange(raw_, {});
      only_calls_ = true;
      line_start_ = true;
      fenced_ = fenced_ || fence_ == Fence::ready;
      fence_ = Fence::none;
    }
    for (const char c : rest) byte(c);
  }

  // CallSink
  void begin(std::string_view name) override {
    if (calls_ == 0) raw_.erase(0, raw_.find_first_not_of(" \n\r\t"));
    add({AnswerDelta::Kind::call_begin, calls_++, std::string(name)});
  }
  void arguments(std::string_view text) override { emit(AnswerDelta::Kind::call_arguments, text); }

  /// Nothing came of what is pending: it is text.
  void flush() {
    std::string text = std::exchange(pending_, {});
    fence_ = Fence::none;
    if (!text.empty()) emit_content(text);
  }

  void emit_content(std::string_view text) {
    line_start_ = !text.empty() && text.back() == '\n';
    only_calls_ = false;
    text_after_call_ = text_after_call_ || calls_ > 0;
    emit(AnswerDelta::Kind::content, text);
  }

  void emit(AnswerDelta::Kind kind, std::string_view text) {
    if (text.empty()) return;
    const int index = kind == AnswerDelta::Kind::call_arguments ? calls_ - 1 : 0;
    if (!deltas_.empty() && deltas_.back().kind == kind && deltas_.back().index == index) {
      deltas_.back().text += text;
    } else {
      add({kind, index, std::string(text)});
    }
  }
  void add(AnswerDelta delta) { deltas_.push_back(std::move(delta)); }

  const ToolFormat& format_;
  const std::vector<std::string> tools_;
  MarkerScanner think_end_, markers_;
  State state_ = State::start;
  std::vector<AnswerDelta> deltas_;

  std::string opening_;   // of the answer: the part of <think> that has come
  bool thought_ = false;  // something of the reasoning was shown

  std::string pending_;  // white space and what else may belong to a call that comes, or else is text
  bool line_start_ = true;
  Fence fence_ = Fence::none;
  int ticks_ = 0;  // its bytes

  std::unique_ptr<CallReader> reader_;
  std::string raw_;     // of the call being read
  std::string markup_;  // of all calls
  int calls_ = 0;
  bool only_calls_ = false;  // the last thing that came was a call
  bool text_after_call_ = false;
  bool call_open_ = false, block_open_ = false;  // an end marker is missing
  bool fenced_ = false;                          // a fence was opened before a call
};

AnswerStart answer_start(std::string_view prompt, const ToolFormat& format) {
  const auto last = [&](std::string_view text) { return text.empty() ? std::string_view::npos : prompt.rfind(text); };
  const size_t think = last(kThink), end_think = last(kEndThink);
  if (think != std::string_view::npos && (end_think == std::string_view::npos || end_think < think))
    return AnswerStart::reasoning;
  const size_t calls = last(format.calls_begin);
  const bool open =
      calls != std::string_view::npos && trim_json_space(prompt.substr(calls + format.calls_begin.size())).empty();
  return open ? AnswerStart::calls : AnswerStart::text;
}

AnswerParser::AnswerParser(const ToolFormat& format, AnswerStart start, std::vector<std::string> tools)
    : machine_(std::make_unique<Machine>(format, start, std::move(tools))) {}
AnswerParser::~AnswerParser() = default;
AnswerParser::AnswerParser(AnswerParser&&) noexcept = default;
AnswerParser& AnswerParser::operator=(AnswerParser&&) noexcept = default;

std::vector<AnswerDelta> AnswerParser::push(std::string_view text) {
  machine_->feed(text);
  return machine_->take();
}

std::vector<AnswerDelta> AnswerParser::finish() {
  machine_->finish();
  return machine_->take();
}

int AnswerParser::calls() const { return machine_->calls(); }
const std::string& AnswerParser::calls_text() const { return machine_->calls_text(); }

std::vector<AnswerDelta> join_deltas(const std::vector<AnswerDelta>& deltas) {
  std::vector<AnswerDelta> out;
  for (const AnswerDelta& d : deltas) {
    const bool text = d.kind != AnswerDelta::Kind::call_begin && d.kind != AnswerDelta::Kind::call_end;
    if (text && !out.empty() && out.back().kind == d.kind && out.back().index == d.index) {
      out.back().text += d.text;
    } else {
      out.push_back(d);
    }
  }
  return out;
}

}  // namespace dure
