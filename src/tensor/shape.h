#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <initializer_list>

namespace dure {

/// Up to four dimensions, outermost first: [T, H, D].
class Shape {
 public:
  static constexpr int kMaxRank = 4;

  Shape() = default;
  Shape(std::initializer_list<int64_t> dims) : rank_(static_cast<int>(dims.size())) {
    std::copy(dims.begin(), dims.end(), dims_.begin());
  }
  int rank() const { return rank_; }
  /// REQUIRES: -rank <= i < rank; negative counts from the back.
  int64_t operator[](int i) const { return dims_[i < 0 ? i + rank_ : i]; }
  int64_t& operator[](int i) { return dims_[i < 0 ? i + rank_ : i]; }
  int64_t back() const { return dims_[rank_ - 1]; }
  int64_t numel() const {
    int64_t n = 1;
    for (int i = 0; i < rank_; ++i) n *= dims_[i];
    return n;
  }
  void push_back(int64_t dim) { dims_[rank_++] = dim; }
  const int64_t* begin() const { return dims_.data(); }
  const int64_t* end() const { return dims_.data() + rank_; }
  bool operator==(const Shape& other) const { return std::equal(begin(), end(), other.begin(), other.end()); }

 private:
  int rank_ = 0;
  std::array<int64_t, kMaxRank> dims_{};
};

}  // namespace dure

template <>
struct fmt::formatter<dure::Shape> : fmt::formatter<std::string_view> {
  template <typename Context>
  auto format(const dure::Shape& shape, Context& context) const {
    return fmt::format_to(context.out(), "[{}]", fmt::join(shape.begin(), shape.end(), ", "));
  }
};
