#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace dure {

/// How a text is cut so that a model of limited context can score it.
struct WindowOptions {
  int context = 512;       ///< tokens of a window, with BOS
  int stride = 0;          ///< how far the next window starts; 0: half of the context
  int bos = -1;            ///< put before every window; -1: nothing
  int64_t max_tokens = 0;  ///< of the text, from its start; 0: all of it
};

/// Tokens that a model reads at once. Row t of its logits predicts ids[t + 1]; rows first .. ids.size() - 2 count.
struct Window {
  std::vector<int> ids;
  int first = 0;

  int rows() const { return static_cast<int>(ids.size()) - 1 - first; }
  int target(int row) const { return ids[static_cast<size_t>(row) + 1]; }
};

/// Overlapping windows over `text`, in which every token counts once, in the first window that holds it: those of a
/// later window have at least context - stride tokens before them. Without BOS the first token of the text does not
/// count, since nothing predicts it.
/// Throws Error if the text is too short to score anything, or the options do not fit together.
std::vector<Window> cut_windows(std::span<const int> text, const WindowOptions& options);

/// Tokens that count, in all windows.
int64_t counted_tokens(std::span<const Window> windows);

}  // namespace dure
