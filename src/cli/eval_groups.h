#pragma once

#include <deque>
#include <string>
#include <utility>

namespace dure {

/// Scores by name: "all" first, the others in the order in which they come.
template <class Score>
class Groups {
 public:
  /// Calls change(score) for the group of this name and for all.
  template <class Change>
  void add(const std::string& name, const Change& change) {
    change(at("all"));
    change(at(name));
  }
  auto begin() const { return scores_.begin(); }
  auto end() const { return scores_.end(); }

 private:
  Score& at(const std::string& name) {
    for (auto& [known, score] : scores_)
      if (known == name) return score;
    return scores_.emplace_back(name, Score{}).second;
  }
  std::deque<std::pair<std::string, Score>> scores_;
};

}  // namespace dure
