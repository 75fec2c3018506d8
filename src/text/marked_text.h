#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "text/prompt_renderer.h"

namespace dure {

/// UTF-8 text that remembers which of its bytes came from the caller's data. Every operation on it keeps the marks with
/// the bytes, so that however a template cuts and joins a message, the user's bytes stay marked.
class MarkedText {
 public:
  /// A longer text, marks included, is refused with Error.
  static constexpr size_t kMaxBytes = size_t{64} << 20;

  MarkedText() = default;
  MarkedText(std::string bytes, bool trusted);

  const std::string& bytes() const { return bytes_; }
  size_t size() const { return bytes_.size(); }
  bool empty() const { return bytes_.empty(); }

  void append(std::string_view bytes, bool trusted);
  void append(const MarkedText& other) { append(other, 0, other.size()); }
  /// Appends bytes [begin, end) of another text with their marks.
  void append(const MarkedText& other, size_t begin, size_t end);

  /// Bytes [begin, end).
  MarkedText slice(size_t begin, size_t end) const;

  /// Calls visit(std::string_view piece, bool trusted) for the stretches of equal trust, in order.
  template <class Visit>
  void for_each_piece(Visit visit) const {
    size_t at = 0;
    const std::string_view all = bytes_;
    for (const Run& run : untrusted_) {
      if (run.begin > at) visit(all.substr(at, run.begin - at), true);
      visit(all.substr(run.begin, run.end - run.begin), false);
      at = run.end;
    }
    if (at < all.size()) visit(all.substr(at), true);
  }

  std::vector<Segment> segments() const;

 private:
  struct Run {
    uint32_t begin, end;
  };

  void check_room(size_t more) const;
  void mark_untrusted(size_t begin, size_t end);

  std::string bytes_;
  std::vector<Run> untrusted_;  // ascending, neither touching nor empty
};

}  // namespace dure
