#include <algorithm>
#include <numeric>

#include "base/error.h"
#include "base/json.h"
#include "base/rng.h"
#include "train/data/token_source.h"

namespace dure {
namespace {

class TokenWindows : public TokenSource {
 public:
  TokenWindows(std::vector<int> tokens, int length, uint64_t seed)
      : tokens_(std::move(tokens)), length_(length), seed_(seed) {
    require(length > 0 && static_cast<int64_t>(tokens_.size()) > length, "data: {} tokens, expected more than {}",
            tokens_.size(), length);
    const auto [least, largest] = std::ranges::minmax(tokens_);
    require(least >= 0, "data: token {}, expected none below 0", least);
    vocab_size_ = largest + 1;
    order_.resize((tokens_.size() - 1) / static_cast<size_t>(length));
    shuffle();
  }

  TokenBatch next(int64_t tokens) override {
    TokenBatch b;
    b.starts = {0};
    while (b.rows() < tokens) {
      const int64_t begin = int64_t{order_[window_]} * length_ + row_;
      const int64_t count = std::min(length_ - row_, tokens - b.rows());
      for (int64_t i = 0; i < count; ++i) {
        b.tokens.push_back(tokens_[static_cast<size_t>(begin + i)]);
        b.targets.push_back(tokens_[static_cast<size_t>(begin + i + 1)]);
        b.positions.push_back(static_cast<int>(i));  // a window that is cut in two becomes two documents
      }
      b.starts.push_back(b.rows());
      row_ += count;
      if (row_ < length_) continue;
      row_ = 0;
      if (++window_ < order_.size()) continue;
      ++epoch_;
      shuffle();
    }
    return b;
  }

  int vocab_size() const override { return vocab_size_; }

  Json state() const override {
    return {{"tokens", tokens_.size()}, {"length", length_}, {"seed", seed_},
            {"epoch", epoch_},          {"window", window_}, {"row", row_}};
  }

  void restore(const Json& state) override {
    const auto number = [&](const char* key) -> uint64_t {
      require(state.is_object() && state.contains(key) && state.at(key).is_number_integer() && state.at(key) >= 0,
              "data: the saved position has no number '{}'", key);
      return state.at(key).get<uint64_t>();
    };
    require(number("tokens") == tokens_.size() && number("length") == static_cast<uint64_t>(length_),
            "data: the saved position is of {} tokens in windows of {}, expected {} and {}", number("tokens"),
            number("length"), tokens_.size(), length_);
    seed_ = number("seed");
    epoch_ = number("epoch");
    shuffle();
    require(number("window") < order_.size() && number("row") < static_cast<uint64_t>(length_),
            "data: the saved position lies outside the data");
    window_ = number("window");
    row_ = static_cast<int64_t>(number("row"));
  }

 private:
  /// The order of the epoch: Fisher and Yates.
  void shuffle() {
    std::iota(order_.begin(), order_.end(), 0);
    Rng rng(seed_, epoch_);
    for (size_t i = order_.size(); i > 1; --i) std::swap(order_[i - 1], order_[rng.below(i)]);
    window_ = 0;
  }

  std::vector<int> tokens_;
  int64_t length_;
  uint64_t seed_, epoch_ = 0;
  int vocab_size_ = 0;
  std::vector<int> order_;  // of windows
  size_t window_ = 0;       // the next one, as a place in order_
  int64_t row_ = 0;         // and its row
};

}  // namespace

std::unique_ptr<TokenSource> make_token_windows(std::vector<int> tokens, int length, uint64_t seed) {
  return std::make_unique<TokenWindows>(std::move(tokens), length, seed);
}

}  // namespace dure
