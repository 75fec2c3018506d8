#include "cli/answer_view.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/utf8.h"
#include "cli/terminal.h"

namespace dure {

std::string printable(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const char32_t c = next_utf8(text, at);
    const bool control = (c < 0x20 && c != '\n' && c != '\t') || (c >= 0x7F && c < 0xA0);
    if (!control) append_utf8(out, c);
  }
  return out;
}

void AnswerView::show(const AnswerDelta& part, int tokens) {
  if (part.kind == AnswerDelta::Kind::reasoning) {
    if (mode_ == Mode::nothing) {
      first_token_ = std::max(tokens - 1, 0);
      begin_thoughts();
    }
    if (!style_.fold) {
      write(part.text);
    } else if (style_.terminal) {
      write_out(fmt::format("\r\x1b[K{}(thinking: {} tokens){}", style_.colour ? kDim : "", tokens - first_token_,
                            style_.colour ? kPlain : ""));
    }
    return;
  }
  if (mode_ == Mode::thoughts) end_thoughts(tokens);
  mode_ = Mode::answer;
  write(part.text);
}

void AnswerView::finish(int tokens) {
  if (mode_ == Mode::thoughts) {
    end_thoughts(tokens);
  } else if (line_open_ || mode_ == Mode::nothing) {
    write_out("\n");
  }
}

void AnswerView::begin_thoughts() {
  mode_ = Mode::thoughts;
  thinking_since_ = std::chrono::steady_clock::now();
  if (!style_.fold) write_out(style_.colour ? kDim : "<think>\n");
}

void AnswerView::end_thoughts(int tokens) {
  mode_ = Mode::nothing;
  line_open_ = false;
  if (!style_.fold) {
    write_out(style_.colour ? fmt::format("{}\n\n", kPlain) : "\n</think>\n\n");
  } else if (style_.terminal) {
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - thinking_since_).count();
    write_out(fmt::format("\r\x1b[K{}(thought for {:.1f} s, {} tokens){}\n", style_.colour ? kDim : "", seconds,
                          tokens - first_token_, style_.colour ? kPlain : ""));
  }
}

void AnswerView::write(std::string_view text) {
  if (text.empty()) return;
  write_out(style_.terminal ? printable(text) : std::string(text));
  line_open_ = text.back() != '\n';
}

}  // namespace dure
