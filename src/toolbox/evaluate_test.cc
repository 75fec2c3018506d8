#include "toolbox/evaluate.h"

#include <gmock/gmock.h>

#include <cmath>
#include <fstream>
#include <numeric>

#include "backend/registry.h"
#include "base/error.h"
#include "base/file.h"
#include "formats/temporary_folder.h"

namespace dure {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<int> count_up(int n) {
  std::vector<int> ids(static_cast<size_t>(n));
  std::iota(ids.begin(), ids.end(), 0);
  return ids;
}

TEST(Windows, EveryTokenCountsOnceWithEnoughBeforeIt) {
  for (const int n : {1, 2, 7, 8, 9, 30, 64, 65})
    for (const int bos : {-1, 99})
      for (const int stride : {1, 3, 4, 7}) {
        const std::vector<int> ids = count_up(n);
        if (n == 1 && bos < 0) continue;
        const std::vector<Window> windows = cut_windows(ids, {.context = 8, .stride = stride, .bos = bos});
        std::vector<int> counted;
        for (const Window& w : windows) {
          EXPECT_LE(w.ids.size(), 8u);
          EXPECT_TRUE(bos < 0 || w.ids.front() == bos);
          EXPECT_GE(w.first + 1, &w == &windows.front() ? 1 : 8 - stride);
          for (int row = w.first; row < w.first + w.rows(); ++row) counted.push_back(w.target(row));
        }
        EXPECT_EQ(counted, bos >= 0 ? ids : std::vector<int>(ids.begin() + 1, ids.end()));
        EXPECT_EQ(counted_tokens(windows), static_cast<int64_t>(counted.size()));
      }
}

TEST(Windows, OfTheStartOfAText) {
  EXPECT_EQ(counted_tokens(cut_windows(count_up(100), {.context = 8, .max_tokens = 21})), 20);
}

TEST(Windows, RefusesWhatCannotBeScored) {
  const auto message = [](int n, const WindowOptions& options) -> std::string {
    try {
      cut_windows(count_up(n), options);
    } catch (const Error& e) {
      return e.what();
    }
    return "";
  };
  EXPECT_THAT(message(1, {}), HasSubstr("too short"));
  EXPECT_THAT(message(0, {.bos = 1}), HasSubstr("too short"));
  EXPECT_THAT(message(9, {.context = 1}), HasSubstr("at least 2"));
  EXPECT_THAT(message(9, {.context = 8, .stride = 8}), HasSubstr("at most 7"));
}

/// Row r of the text has the logits that a function of r says.
class FakeLogits : public LogitSource {
 public:
  using Row = std::function<std::vector<float>(int64_t row)>;
  FakeLogits(Device& device, std::span<const Window> windows, int vocab, Row row)
      : device_(device), windows_(windows), vocab_(vocab), row_(std::move(row)) {}
  int vocab_size() const override { return vocab_; }
  Tensor rows(size_t window, int first, int count) override {
    std::vector<float> values;
    const int64_t before = counted_tokens(windows_.first(window)) - windows_[window].first;
    for (int i = 0; i < count; ++i)
      for (const float x : row_(before + first + i)) values.push_back(x);
    return Tensor::from(device_, values, {count, vocab_});
  }

 private:
  Device& device_;
  std::span<const Window> windows_;
  int vocab_;
  Row row_;
};

class Evaluate : public testing::Test {
 protected:
  std::unique_ptr<Device> device_ = make_device();
  std::vector<Window> windows_ = cut_windows(std::vector<int>{0, 1, 0, 0, 1}, {.context = 3, .stride = 2});
};

TEST_F(Evaluate, PerplexityOfKnownProbabilities) {
  // The tokens that count are 1 0 0 1. One row in two gives token 0 a probability of 3/4, the others of 1/2.
  FakeLogits logits(*device_, windows_, 2, [](int64_t row) {
    return std::vector<float>{row % 2 == 0 ? 5 + std::log(3.f) : 5.f, 5};
  });
  int64_t seen = 0;
  const Perplexity p = measure_perplexity(logits, *device_, windows_, [&](int64_t done, int64_t) { seen = done; });
  const double nll[] = {std::log(4.), std::log(2.), std::log(4. / 3), std::log(2.)};
  const double mean = (nll[0] + nll[1] + nll[2] + nll[3]) / 4;
  double squares = 0;
  for (const double x : nll) squares += (x - mean) * (x - mean);
  EXPECT_EQ(p.tokens, 4);
  EXPECT_EQ(seen, 4);
  EXPECT_NEAR(p.nll.mean, mean, 1e-6);
  EXPECT_NEAR(p.nll.error, std::sqrt(squares / 3 / 4), 1e-6);
  EXPECT_NEAR(p.value(), std::exp(mean), 1e-5);
  EXPECT_NEAR(p.bits_per_byte(8).mean, mean * 4 / 8 / std::log(2.), 1e-6);
}

TEST_F(Evaluate, AgreementOfKnownDistributions) {
  FakeLogits base(*device_, windows_, 2, [](int64_t) { return std::vector<float>{std::log(3.f), 0}; });
  FakeLogits other(*device_, windows_, 2, [](int64_t row) {
    return std::vector<float>{row < 1 ? 1.f : 0.f, row < 1 ? 1.f : 2.f};
  });
  const Agreement a = measure_agreement(base, other, *device_, windows_);
  const double q = 1 / (1 + std::exp(2.));  // of token 0, in all rows but the first
  const double first = 0.75 * std::log(0.75 / 0.5) + 0.25 * std::log(0.25 / 0.5);
  const double rest = 0.75 * std::log(0.75 / q) + 0.25 * std::log(0.25 / (1 - q));
  EXPECT_EQ(a.tokens, 4);
  EXPECT_NEAR(a.kl.mean, (first + 3 * rest) / 4, 1e-6);
  EXPECT_NEAR(a.kl_worst, rest, 1e-6);
  EXPECT_NEAR(a.same_top.mean, 0.25, 1e-9);  // a tie goes to the lower id
  EXPECT_NEAR(a.logit_worst, 2, 1e-6);
  EXPECT_NEAR(a.nll_difference.mean, a.other.nll.mean - a.base.nll.mean, 1e-9);
}

TEST_F(Evaluate, RefusesOtherVocabulariesAndInfinity) {
  FakeLogits two(*device_, windows_, 2, [](int64_t) { return std::vector<float>(2); });
  FakeLogits three(*device_, windows_, 3, [](int64_t) { return std::vector<float>(3); });
  FakeLogits broken(*device_, windows_, 2, [](int64_t row) { return std::vector<float>{0, row == 2 ? NAN : 0}; });
  EXPECT_THROW(measure_agreement(two, three, *device_, windows_), Error);
  EXPECT_THROW(measure_perplexity(broken, *device_, windows_), Error);
}

TEST_F(Evaluate, RecordedLogitsAreReadBack) {
  const TemporaryFolder folder;
  const std::filesystem::path file = folder.path() / "logits.safetensors";
  FakeLogits logits(*device_, windows_, 2, [](int64_t row) { return std::vector<float>{static_cast<float>(row), 1}; });
  write_file_atomically(file, [&](std::ostream& out) {
    RecordedLogits recorded(logits, windows_, out);
    measure_perplexity(recorded, *device_, windows_);
  });
  const std::unique_ptr<LogitSource> saved = open_logits(file, *device_, windows_);
  const Agreement a = measure_agreement(*saved, logits, *device_, windows_);
  EXPECT_EQ(a.kl.mean, 0);
  EXPECT_EQ(a.logit_worst, 0);
  EXPECT_EQ(a.same_top.mean, 1);
  EXPECT_THROW(open_logits(file, *device_, std::span(windows_).first(1)), Error);
}

}  // namespace
}  // namespace dure
