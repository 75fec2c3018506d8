#include "toolbox/text_windows.h"

#include <algorithm>

#include "base/error.h"

namespace dure {

std::vector<Window> cut_windows(std::span<const int> text, const WindowOptions& options) {
  const bool bos = options.bos >= 0;
  const int64_t room = options.context - (bos ? 1 : 0);  // tokens of the text in a window
  const int64_t stride = options.stride > 0 ? options.stride : std::max<int64_t>(options.context / 2, 1);
  require(options.context >= 2, "a window of {} tokens: expected at least 2", options.context);
  // A window must see something of what came before, or without BOS its first token would never be predicted.
  require(stride <= room - (bos ? 0 : 1), "a stride of {} tokens: expected at most {} for windows of {}", stride,
          room - (bos ? 0 : 1), options.context);
  int64_t size = static_cast<int64_t>(text.size());
  if (options.max_tokens > 0) size = std::min(size, options.max_tokens);

  std::vector<Window> windows;
  for (int64_t begin = 0, counted = bos ? 0 : 1; counted < size; begin += stride) {
    const int64_t end = std::min(begin + room, size);
    Window w;
    if (bos) w.ids.push_back(options.bos);
    w.ids.insert(w.ids.end(), text.begin() + begin, text.begin() + end);
    w.first = static_cast<int>(counted - begin) - (bos ? 0 : 1);
    windows.push_back(std::move(w));
    counted = end;
  }
  require(!windows.empty(), "a text of {} tokens is too short to score", size);
  return windows;
}

int64_t counted_tokens(std::span<const Window> windows) {
  int64_t tokens = 0;
  for (const Window& w : windows) tokens += w.rows();
  return tokens;
}

}  // namespace dure
