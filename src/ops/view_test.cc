#include "ops/view.h"

#include "ops/gradient_check.h"

namespace dure {
namespace {

TEST(Views, GradientsMatchFiniteDifferences) {
  const std::pair<const char*, std::function<Tensor(const Inputs&)>> kViews[] = {
      {"reshape",
       [](const Inputs& in) {
         return reshape(in[0], {-1, 2, 4});
       }},
      {"reshape of a view",
       [](const Inputs& in) {
         return reshape(narrow(in[0], 2, 4), {2, -1});
       }},
      {"narrow", [](const Inputs& in) { return narrow(in[0], 3, 4); }},
      {"narrow of nothing", [](const Inputs& in) { return concat(narrow(in[0], 8, 0), in[0]); }},
      {"split", [](const Inputs& in) { return concat(split(in[0], 3).second, split(in[0], 3).first); }},
      {"one half of a split", [](const Inputs& in) { return split(in[0], 3).first; }},
      {"concat", [](const Inputs& in) { return concat(in[0], in[1]); }},
      {"concat with itself", [](const Inputs& in) { return concat(in[1], in[1]); }},
      {"take_rows",
       [](const Inputs& in) {
         return take_rows(in[0], {2, 0, 2});
       }},
      {"take_rows of a view",
       [](const Inputs& in) {
         return take_rows(narrow(in[0], 1, 5), {1, 1});
       }},
      {"contiguous", [](const Inputs& in) { return contiguous(narrow(in[0], 1, 5)); }},
  };
  for (const auto& [name, view] : kViews) {
    SCOPED_TRACE(name);
    const auto flat = [](const Tensor& x) { return reshape(x, {1, -1}); };
    // Not every view uses both inputs; both are used beside it.
    expect_gradient([&](const Inputs& in) { return concat(flat(view(in)), flat(concat(in[0], in[1]))); },
                    {random({3, 8}), random({3, 2})});
  }
}

TEST(Views, RowsOfThreeDimensionsToo) {
  expect_gradient([](const Inputs& in) { return take_rows(in[0], {1, 0, 1}); }, {random({2, 3, 4})});
  expect_gradient([](const Inputs& in) { return concat(in[0], narrow(in[1], 1, 2)); },
                  {random({2, 3, 4}), random({2, 3, 5})});
}

TEST(Views, ShareMemory) {
  const Tensor x = random({3, 8});
  const auto [left, right] = split(x, 3);
  EXPECT_EQ(left.view().data, x.view().data);
  EXPECT_EQ(right.view().row(2), x.view().row(2) + 3);
  EXPECT_EQ(reshape(x, {4, 6}).view().data, x.view().data);
  EXPECT_TRUE(contiguous(x).same(x));
}

TEST(Views, NameWhatDoesNotFit) {
  const Tensor x = zeros({3, 8});
  EXPECT_ERROR(reshape(x, {5, -1}), "[5, 4] does not have the elements of [3, 8]");
  EXPECT_ERROR(narrow(x, 5, 4), "channels 5 to 9 of [3, 8]");
  EXPECT_ERROR(concat(x, zeros({2, 8})), "[3, 8] and [2, 8] differ before the last dimension");
  EXPECT_ERROR(take_rows(x, {0, 3}), "row 3 of [3, 8]");
}

}  // namespace
}  // namespace dure
