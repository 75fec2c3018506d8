#include "chat/text_stream.h"

#include <algorithm>

namespace dure {
namespace {

/// Bytes at the end of `text` that may go on to become `stop`.
size_t begun(std::string_view text, std::string_view stop) {
  for (size_t n = std::min(text.size(), stop.size() - 1); n > 0; --n)
    if (text.ends_with(stop.substr(0, n))) return n;
  return 0;
}

}  // namespace

TextStream::TextStream(const Tokenizer& tokenizer, std::vector<std::string> stop, std::span<const int> markers)
    : decoder_(tokenizer.stream_decoder(true, markers)), stop_(std::move(stop)) {
  std::erase(stop_, "");
}

void TextStream::skip(std::span<const int> ids) {
  for (const int id : ids) decoder_.push(id);
}

std::string TextStream::push(int id) { return release(decoder_.push(id), false); }

std::string TextStream::finish() { return release(decoder_.finish(), true); }

std::string TextStream::release(std::string text, bool last) {
  if (stopped()) return "";
  held_ += text;
  size_t found = std::string::npos, hold = 0;
  for (const std::string& stop : stop_) {
    const size_t at = held_.find(stop);
    if (at < found) {
      found = at;
      stopped_by_ = stop;
    }
    hold = std::max(hold, begun(held_, stop));
  }
  const size_t certain = stopped() ? found : last ? held_.size() : held_.size() - hold;
  std::string out = held_.substr(0, certain);
  held_.erase(0, stopped() ? held_.size() : certain);
  return out;
}

}  // namespace dure
