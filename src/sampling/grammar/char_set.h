#pragma once

#include <utility>
#include <vector>

namespace dure::grammar {

/// A set of Unicode scalar values, the code points that UTF-8 can write.
class CharSet {
 public:
  struct Range {
    char32_t first, last;
    bool operator==(const Range&) const = default;
  };

  CharSet() = default;
  CharSet(char32_t first, char32_t last) { add(first, last); }

  static CharSet all();

  void add(char32_t first, char32_t last);  ///< surrogates between them are left out
  void add(const CharSet& other);
  CharSet complement() const;
  CharSet intersect(const CharSet& other) const;

  bool empty() const { return ranges_.empty(); }
  bool contains(char32_t c) const;
  const std::vector<Range>& ranges() const& { return ranges_; }  ///< ascending, with gaps between them
  std::vector<Range> ranges() && { return std::move(ranges_); }

 private:
  std::vector<Range> ranges_;
};

}  // namespace dure::grammar
