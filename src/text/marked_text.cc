#include "text/marked_text.h"

#include <algorithm>

#include "base/error.h"

namespace dure {

MarkedText::MarkedText(std::string bytes, bool trusted) {
  check_room(bytes.size());
  bytes_ = std::move(bytes);
  if (!trusted) mark_untrusted(0, bytes_.size());
}

void MarkedText::append(std::string_view bytes, bool trusted) {
  check_room(bytes.size());
  const size_t begin = bytes_.size();
  bytes_ += bytes;
  if (!trusted) mark_untrusted(begin, bytes_.size());
}

void MarkedText::append(const MarkedText& other, size_t begin, size_t end) {
  check_room(end - begin);
  const size_t base = bytes_.size();
  bytes_.append(other.bytes_, begin, end - begin);

  auto run = std::partition_point(other.untrusted_.begin(), other.untrusted_.end(),
                                  [&](const Run& r) { return r.end <= begin; });
  for (; run != other.untrusted_.end() && run->begin < end; ++run)
    mark_untrusted(base + std::max<size_t>(run->begin, begin) - begin, base + std::min<size_t>(run->end, end) - begin);
}

MarkedText MarkedText::slice(size_t begin, size_t end) const {
  MarkedText out;
  out.append(*this, begin, end);
  return out;
}

std::vector<Segment> MarkedText::segments() const {
  std::vector<Segment> out;
  for_each_piece([&](std::string_view piece, bool trusted) { out.push_back({std::string(piece), trusted}); });
  return out;
}

void MarkedText::check_room(size_t more) const {
  const size_t used = bytes_.size() + untrusted_.size() * sizeof(Run);
  require(used <= kMaxBytes && more <= kMaxBytes - used, "text is longer than {} MiB", kMaxBytes >> 20);
}

void MarkedText::mark_untrusted(size_t begin, size_t end) {
  if (begin == end) return;
  if (!untrusted_.empty() && untrusted_.back().end == begin) {
    untrusted_.back().end = static_cast<uint32_t>(end);
  } else {
    untrusted_.push_back({static_cast<uint32_t>(begin), static_cast<uint32_t>(end)});
  }
}

}  // namespace dure
