#include "ops/attention.h"

#include <numeric>

#include "ops/gradient_check.h"
#include "ops/view.h"

namespace dure {
namespace {

/// Positions that go with starts: each sequence from 0.
struct Rows {
  std::vector<int> starts, positions;
  explicit Rows(std::vector<int> s) : starts(std::move(s)), positions(static_cast<size_t>(starts.back())) {
    for (size_t i = 0; i + 1 < starts.size(); ++i)
      std::iota(positions.begin() + starts[i], positions.begin() + starts[i + 1], 0);
  }
  operator Ragged() const { return {starts, positions}; }
};

const Rows kBatches[] = {Rows({0, 1}), Rows({0, 4}), Rows({0, 3, 4, 6})};

TEST(Attention, GradientWithGroupedHeads) {  // Llama: q, k, v
  for (const Rows& rows : kBatches)
    for (const int Hk : {1, 2, 4}) {
      const int64_t T = rows.starts.back();
      expect_gradient(
          [&](const Inputs& in) {
            return attention(in[0], {in[1], {}}, in[2], rows, 0.6f);
          },
          {random({T, 4, 5}), random({T, Hk, 5}), random({T, Hk, 3})});
    }
}

TEST(Attention, GradientWithALatentThatIsKeyAndValue) {  // absorbed MLA: the value is the key's first part
  for (const Rows& rows : kBatches) {
    const int64_t T = rows.starts.back();
    expect_gradient(
        [&](const Inputs& in) {
          return attention(in[0], {in[1], in[2]}, in[1], rows, 0.4f);
        },
        {random({T, 3, 7}), random({T, 1, 5}), random({T, 1, 2})});
  }
}

TEST(Attention, GradientWithViewsOfAWiderRow) {  // all of q, k and v cut out of one projection
  const Rows rows({0, 2, 5});
  expect_gradient(
      [&](const Inputs& in) {
        const auto [q, kv] = split(in[0], 4);  // [5, 2, 4] [5, 2, 7]
        const auto [k, v] = split(kv, 4);      // [5, 2, 4] [5, 2, 3]
        const auto [k0, k1] = split(k, 3);     // [5, 2, 3] [5, 2, 1]
        return attention(q, {k0, k1}, v, rows, 0.5f);
      },
      {random({5, 2, 11})});
}

TEST(Attention, NamesWhatDoesNotFit) {
  const Rows rows({0, 3});
  const Tensor q = zeros({3, 4, 5});
  EXPECT_ERROR(attention(q, {zeros({3, 3, 5}), {}}, zeros({3, 3, 5}), rows, 1), "4 query heads over 3 key heads");
  EXPECT_ERROR(attention(q, {zeros({3, 1, 4}), {}}, zeros({3, 1, 5}), rows, 1), "queries have 5 channels, keys 4");
  EXPECT_ERROR(attention(q, {zeros({2, 1, 5}), {}}, zeros({3, 1, 5}), rows, 1), "3 rows of queries, 2 of keys");
  EXPECT_ERROR(attention(q, {zeros({3, 1, 5}), {}}, zeros({3, 1, 5}), Rows({0, 2}), 1), "3 rows, sequences end at 2");
}

TEST(Attention, TheCacheTakesNoGradient) {
  const Rows rows({0, 3});
  const Tensor pages = zeros({1, 8, 5}), table = Tensor::from(test_device(), std::vector<int>{0}).alias({1, 1});
  const Tensor kv = pages.alias({1, 8, 1, 5});
  EXPECT_ERROR(cache_append(pages, trainable(random({3, 5})), table, rows), "cache_append: no gradient flows");
  EXPECT_ERROR(attention_paged(trainable(random({3, 2, 5})), {kv, {}}, kv, table, rows, 1),
               "attention_paged: no gradient flows");
  cache_append(pages, random({3, 5}), table, rows);
  EXPECT_EQ(attention_paged(random({3, 2, 5}), {kv, {}}, kv, table, rows, 1).node(), nullptr);
}

}  // namespace
}  // namespace dure
