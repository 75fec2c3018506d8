#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dure {

/// Finds markers in text that comes byte by byte, and lets all else pass.
class MarkerScanner {
 public:
  /// Empty markers are left out. REQUIRES: none begins with another, and the byte that a marker begins with occurs in
  /// it nowhere else.
  explicit MarkerScanner(std::vector<std::string_view> markers) : markers_(std::move(markers)) {
    std::erase(markers_, std::string_view());
  }

  /// Takes a byte. Appends to `plain` what is certain to be no marker; returns the marker that is complete, if one is.
  std::string_view feed(char c, std::string& plain) {
    held_ += c;
    while (!held_.empty()) {
      bool begun = false;
      for (const std::string_view marker : markers_) {
        if (marker == held_) {
          held_.clear();
          return marker;
        }
        begun = begun || marker.starts_with(held_);
      }
      if (begun) break;
      plain += held_.front();
      held_.erase(0, 1);
    }
    return {};
  }

  bool holds() const { return !held_.empty(); }
  /// What may still have become a marker.
  std::string take() { return std::exchange(held_, {}); }

 private:
  std::vector<std::string_view> markers_;
  std::string held_;
};

}  // namespace dure
