// Attention of every backend against the reference, as backend_test.cc does it for the other methods: from the rows of
// a batch and from pages, its gradients, and the positions that sparse attention picks.
#include "backend/test_backends.h"

namespace dure {
namespace {

class AttentionBackends : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override { rng.seed(7); }  // the same inputs whichever tests run
};

/// Attention of a few sequences, from pages or from the rows of the batch.
struct AttentionCase {
  const char* name;
  int64_t heads, key_heads, value_heads;
  int64_t widths[2];  // of the key's parts
  int64_t value_width;
  DType dtype;
  int block_size;                 // 0: rows of the batch
  std::vector<int> rows, behind;  // of each sequence: rows in the batch, positions cached before them
};
const AttentionCase kAttention[] = {
    {"GQA in batch", 6, 2, 2, {24, 0}, 24, DType::F32, 0, {5, 1, 40}, {}},
    {"MHA in batch, long", 2, 2, 2, {16, 0}, 8, DType::F32, 0, {600}, {}},
    {"MLA expanded in batch", 4, 4, 4, {33, 7}, 20, DType::F32, 0, {9, 3}, {}},
    {"GQA decode", 8, 2, 2, {64, 0}, 64, DType::BF16, 128, {1, 1, 1}, {0, 700, 127}},
    {"GQA pages of 16", 4, 1, 1, {40, 0}, 40, DType::F16, 16, {3, 1, 33}, {510, 1100, 0}},
    {"MLA absorbed decode", 16, 1, 1, {96, 16}, 96, DType::BF16, 128, {1}, {1600}},
    {"MLA absorbed chunk", 16, 1, 1, {96, 16}, 96, DType::F32, 128, {20, 1}, {505, 3}},
};

/// Its inputs, made once; run() may leave sequences out.
struct AttentionInputs {
  AttentionCase c;
  std::vector<std::vector<float>> q;          // [sequence][rows, H, Dk]
  std::vector<std::vector<float>> planes[3];  // [sequence][positions, heads, width] of key parts and value

  explicit AttentionInputs(const AttentionCase& shape) : c(shape) {
    if (c.behind.empty()) c.behind.resize(c.rows.size());
    for (size_t s = 0; s < c.rows.size(); ++s) {
      q.push_back(random_values(c.rows[s], c.heads * (c.widths[0] + c.widths[1])));
      for (float& v : q.back()) v *= 0.02f;
      for (int plane = 0; plane < 3; ++plane)
        planes[plane].push_back(random_values(c.rows[s] + c.behind[s], std::max<int64_t>(width(plane), 1)));
    }
  }
  int64_t heads(int plane) const {
    return plane == 2 ? c.value_heads : plane == 1 && c.widths[1] == 7 ? 1 : c.key_heads;
  }
  int64_t width(int plane) const { return heads(plane) * (plane == 2 ? c.value_width : c.widths[plane]); }

  /// The outputs of the chosen sequences, one after the other.
  std::vector<float> run(Device& d, const std::vector<size_t>& chosen) const {
    std::vector<int> starts = {0}, positions;
    std::vector<float> queries, lines[3];
    for (size_t s : chosen) {
      for (int i = 0; i < c.rows[s]; ++i) positions.push_back(c.behind[s] + i);
      starts.push_back(static_cast<int>(positions.size()));
      queries.insert(queries.end(), q[s].begin(), q[s].end());
      for (int p = 0; p < 3; ++p) lines[p].insert(lines[p].end(), planes[p][s].begin(), planes[p][s].end());
    }
    const int64_t T = static_cast<int64_t>(positions.size());
    std::vector<Tensor> memory;
    KvSource kv;
    kv.block_size = c.block_size;
    for (int p = 0; p < 3; ++p) {
      if (width(p) == 0) continue;
      memory.push_back(c.block_size == 0 ? Tensor::from(d, lines[p], {T, heads(p), width(p) / heads(p)})
                                         : paged(d, p, chosen));
      (p == 2 ? kv.value : kv.key[p]) = memory.back().view();
    }
    const Tensor table = block_table(d, chosen);
    if (c.block_size > 0) kv.block_table = table.view();
    const Tensor qs = Tensor::from(d, queries, {T, c.heads, c.widths[0] + c.widths[1]});
    Tensor o = Tensor::zeros(d, DType::F32, {T, c.heads, c.value_width});
    d.backend().attention(o.view(), {}, qs.view(), kv, {starts, positions}, 0.11f);
    return o.to_floats();
  }

 private:
  int64_t pages_of(size_t s) const { return (c.rows[s] + c.behind[s] + c.block_size - 1) / c.block_size; }
  int64_t most_pages(const std::vector<size_t>& chosen) const {
    int64_t most = 0;
    for (size_t s : chosen) most = std::max(most, pages_of(s));
    return most;
  }
  /// Page j of the i-th chosen sequence; neighbours are not adjacent.
  int page(const std::vector<size_t>& chosen, size_t i, int64_t j) const {
    return static_cast<int>(j * static_cast<int64_t>(chosen.size()) + static_cast<int64_t>(i));
  }
  Tensor block_table(Device& d, const std::vector<size_t>& chosen) const {
    if (c.block_size == 0) return {};
    std::vector<int> table;
    for (size_t i = 0; i < chosen.size(); ++i)
      for (int64_t j = 0; j < most_pages(chosen); ++j) table.push_back(page(chosen, i, j));
    return Tensor::from(d, table).alias({static_cast<int64_t>(chosen.size()), most_pages(chosen)});
  }
  /// The plane's pages, filled through cache_append; what no line fills is NaN.
  Tensor paged(Device& d, int plane, const std::vector<size_t>& chosen) const {
    const int64_t pages = most_pages(chosen) * static_cast<int64_t>(chosen.size()), w = width(plane);
    Tensor t = Tensor::empty(d, c.dtype, {pages, c.block_size, w});
    std::memset(t.view().data, 0xff, static_cast<size_t>(t.bytes()));
    const Tensor table = block_table(d, chosen);
    std::vector<int> starts = {0}, positions;
    std::vector<float> values;
    for (size_t s : chosen) {
      for (int i = 0; i < c.rows[s] + c.behind[s]; ++i) positions.push_back(i);
      starts.push_back(static_cast<int>(positions.size()));
      values.insert(values.end(), planes[plane][s].begin(), planes[plane][s].end());
    }
    const Tensor x = Tensor::from(d, values, {static_cast<int64_t>(positions.size()), w});
    d.backend().cache_append(t.view(), x.view(), table.view(), {starts, positions});
    return t.alias({pages, c.block_size, heads(plane), w / heads(plane)});
  }
};

TEST_P(AttentionBackends, Attention) {
  for (const AttentionCase& c : kAttention)
    for (const Compute compute : {Compute::f32, Compute::int8}) {  // the latter in bfloat16, where the machine has it
      SCOPED_TRACE(fmt::format("{}, {}", c.name, compute == Compute::f32 ? "f32" : "fast"));
      const AttentionInputs inputs(c);
      std::vector<size_t> everyone(c.rows.size());
      for (size_t s = 0; s < everyone.size(); ++s) everyone[s] = s;
      const auto run = [&](int threads) { return inputs.run(device(GetParam(), threads, compute), everyone); };
      const std::vector<float> expected = inputs.run(reference(), everyone), all = run(2);
      if (compute == Compute::f32) {
        // Relative to the average of the values' magnitudes; a score of some twenty has lost as many units of rounding.
        AttentionInputs absolute = inputs;
        for (std::vector<float>& values : absolute.planes[2]) values = magnitudes(values);
        expect_close(all, expected, absolute.run(reference(), everyone), 256 * kUlp);
      } else {
        EXPECT_LT(relative_error(all, expected), 0x1p-6);
      }
      expect_same_bits(run(1), all);
      expect_same_bits(run(3), all);
      std::vector<float> alone;
      for (size_t s : everyone) {
        const std::vector<float> one = inputs.run(device(GetParam(), 2, compute), {s});
        alone.insert(alone.end(), one.begin(), one.end());
      }
      expect_same_bits(alone, all);
    }
}

/// Positions before and after some boundary, attended apart and merged by their log-sum-exp, are attention to all.
TEST_P(AttentionBackends, AttentionMergesByLogSumExp) {
  const int64_t H = 3, D = 20, L = 700, cut = 130, T = 4;
  Device& d = device(GetParam());
  const Tensor keys = Tensor::from(d, random_values(L, D), {L, 1, D}),
               values = Tensor::from(d, random_values(L, D), {L, 1, D});
  std::vector<float> queries = random_values(T, H * D);
  for (float& v : queries) v *= 0.02f;
  const Tensor q = Tensor::from(d, queries, {T, H, D});
  const std::vector<int> starts = {0, static_cast<int>(T)};
  const auto attend = [&](int first, int last) {  // o [T, H, D], then lse [T, H], of positions [first, last + t)
    std::vector<int> line = {first}, positions;
    for (int t = 0; t < T; ++t) positions.push_back(last - first + t - 1);
    KvSource kv{{keys.view(), {}}, values.view(), {}, 0, line};
    Tensor o = Tensor::empty(d, DType::F32, {T, H, D}), lse = Tensor::empty(d, DType::F32, {T, H});
    d.backend().attention(o.view(), lse.view(), q.view(), kv, {starts, positions}, 0.3f);
    return std::pair{o.to_floats(), lse.to_floats()};
  };
  const auto [none, minus_infinity] = attend(cut, cut);
  for (int64_t i = 0; i < H * D; ++i) EXPECT_EQ(none[i], 0);
  for (int64_t h = 0; h < H; ++h) EXPECT_EQ(minus_infinity[h], -INFINITY);

  const int end = static_cast<int>(L - T);
  const auto [whole, whole_lse] = attend(0, end);
  const auto [late, late_lse] = attend(cut, end);
  // The early part is the same for all rows: as many positions as there are before the boundary.
  std::vector<int> line = {0}, positions(T, static_cast<int>(cut) - 1);
  KvSource kv{{keys.view(), {}}, values.view(), {}, 0, line};
  Tensor early = Tensor::empty(d, DType::F32, {T, H, D}), early_lse = Tensor::empty(d, DType::F32, {T, H});
  d.backend().attention(early.view(), early_lse.view(), q.view(), kv, {starts, positions}, 0.3f);
  for (int64_t r = 0; r < T * H; ++r) {
    const double a = std::exp(early_lse.data()[r] - whole_lse[r]), b = std::exp(late_lse[r] - whole_lse[r]);
    EXPECT_NEAR(a + b, 1, 1e-4);
    for (int64_t i = r * D; i < (r + 1) * D; ++i) EXPECT_NEAR(a * early.data()[i] + b * late[i], whole[i], 1e-2);
  }
  const Tensor other = Tensor::from(d, late, {T, H, D}), other_lse = Tensor::from(d, late_lse, {T, H});
  d.backend().merge_attention(early.view(), early_lse.view(), other.view(), other_lse.view());
  for (int64_t r = 0; r < T * H; ++r) {
    EXPECT_NEAR(early_lse.data()[r], whole_lse[r], 1e-4);
    for (int64_t i = r * D; i < (r + 1) * D; ++i) EXPECT_NEAR(early.data()[i], whole[i], 1e-2);
  }
}

/// Whatever is picked must be worth at least what is not, by the definition in double; rows that see few have all.
TEST_P(AttentionBackends, SelectPositions) {
  const int64_t H = 5, D = 24, K = 40, block = 64, pages = 12;
  const std::vector<int> starts = {0, 3, 12}, positions = {17, 500, 701, 0, 39, 40, 41, 100, 255, 256, 300, 640};
  const std::vector<int> table = {3, 0, 9, 4, 7, 11, 1, 2, 8, 10, 5, 6, 20, 12, 21, 13, 22, 14, 23, 15, 16, 17, 18, 19};
  const int64_t T = static_cast<int64_t>(positions.size());
  std::normal_distribution<float> normal;
  const auto values = [&](int64_t n) {
    std::vector<float> v(static_cast<size_t>(n));
    for (float& f : v) f = normal(rng);
    return v;
  };
  const std::vector<float> keys = values(2 * pages * block * D), qs = values(T * H * D), ws = values(T * H);
  const auto run = [&](Device& d, int first, int last) {  // rows of one sequence, or of both
    const Tensor stored = Tensor::from(d, keys, {2 * pages, block, 1, D});
    const Tensor tables = Tensor::from(d, table).alias({2, pages});
    KvSource kv{{stored.view(), {}}, {}, tables.view(), static_cast<int>(block)};
    std::vector<int> from = starts, at(positions.begin() + first, positions.begin() + last);
    for (int& s : from) s = std::clamp(s, first, last) - first;
    const int64_t n = last - first;
    Tensor ids = Tensor::zeros(d, DType::I32, {n, K});
    d.backend().select_positions(
        ids.view(), Tensor::from(d, std::span(qs).subspan(first * H * D, n * H * D), {n, H, D}).view(),
        Tensor::from(d, std::span(ws).subspan(first * H, n * H), {n, H}).view(), kv, {from, at});
    return std::vector<int>(ids.data<int>().begin(), ids.data<int>().end());
  };
  const std::vector<int> all = run(device(GetParam()), 0, static_cast<int>(T));
  for (int64_t t = 0; t < T; ++t) {
    SCOPED_TRACE(t);
    const int s = t >= starts[1];
    const std::span<const int> picked(all.data() + t * K, K);
    std::vector<double> scores;
    for (int j = 0; j <= positions[t]; ++j) {
      const float* key = keys.data() + (table[s * pages + j / block] * block + j % block) * D;
      double sum = 0;
      for (int64_t h = 0; h < H; ++h) {
        double dot = 0;
        for (int64_t i = 0; i < D; ++i) dot += double(qs[(t * H + h) * D + i]) * key[i];
        sum += ws[t * H + h] * std::max(dot, 0.0);
      }
      scores.push_back(sum);
    }
    const size_t count = std::min<size_t>(K, scores.size());
    double least = INFINITY;
    std::vector<bool> taken(scores.size());
    for (size_t i = 0; i < static_cast<size_t>(K); ++i) {
      if (i >= count) {
        EXPECT_EQ(picked[i], -1);
        continue;
      }
      ASSERT_TRUE(picked[i] >= 0 && picked[i] <= positions[t] && (i == 0 || picked[i] > picked[i - 1])) << picked[i];
      taken[picked[i]] = true;
      least = std::min(least, scores[picked[i]]);
    }
    for (size_t j = 0; j < scores.size(); ++j)
      if (!taken[j]) {
        EXPECT_LE(scores[j], least + 1e-4);
      }
  }
  // The same alone, and at any number of threads.
  EXPECT_EQ(run(device(GetParam(), 3), 0, static_cast<int>(T)), all);
  for (int t = 0; t < T; ++t)
    EXPECT_EQ(run(device(GetParam()), t, t + 1), std::vector<int>(all.begin() + t * K, all.begin() + (t + 1) * K));
}

TEST_P(AttentionBackends, SelectPositionsPrefersTheEarlierOfEquals) {
  Device& d = device(GetParam());
  const std::vector<float> ones(300, 1), nan = {NAN};
  const std::vector<int> starts = {0, 1}, positions = {99}, line = {0};
  const Tensor q = Tensor::from(d, std::vector<float>{1}, {1, 1, 1}), keys = Tensor::from(d, ones, {300, 1, 1});
  for (const std::vector<float>& weight : {std::vector<float>{2}, nan}) {
    const Tensor w = Tensor::from(d, weight, {1, 1});
    Tensor ids = Tensor::zeros(d, DType::I32, {1, 4});
    KvSource kv{{keys.view(), {}}, {}, {}, 0, line};
    d.backend().select_positions(ids.view(), q.view(), w.view(), kv, {starts, positions});
    EXPECT_EQ(std::vector<int>(ids.data<int>().begin(), ids.data<int>().end()), (std::vector<int>{0, 1, 2, 3}));
  }
}

TEST_P(AttentionBackends, AttentionBackward) {
  struct Case {
    int64_t heads, key_heads, value_heads, widths[2], value_width;
    std::vector<int> starts;
  };
  const Case cases[] = {{6, 2, 2, {24, 0}, 24, {0, 5, 6, 46}}, {4, 4, 4, {33, 7}, 20, {0, 70, 75}}};
  for (const Case& c : cases) {
    const int64_t T = c.starts.back(), H = c.heads;
    std::vector<int> positions(static_cast<size_t>(T));  // unused: the keys are rows of the batch
    std::vector<float> q = random_values(T, H * (c.widths[0] + c.widths[1])),
                       k0 = random_values(T, c.key_heads * c.widths[0]);
    std::vector<float> k1 = random_values(T, c.widths[1]), v = random_values(T, c.value_heads * c.value_width);
    const std::vector<float> dout = random_values(T, H * c.value_width);
    for (float& x : q) x *= 0.02f;
    const auto run = [&](Device& d) {  // dq, dkey, dvalue, one after the other
      const Tensor qs = Tensor::from(d, q, {T, H, c.widths[0] + c.widths[1]}), dq = Tensor::like(qs);
      const Tensor keys[2] = {Tensor::from(d, k0, {T, c.key_heads, c.widths[0]}),
                              Tensor::from(d, k1, {T, 1, c.widths[1]})};
      const Tensor values = Tensor::from(d, v, {T, c.value_heads, c.value_width});
      const Tensor dkeys[2] = {Tensor::zeros(d, DType::F32, keys[0].shape()),
                               Tensor::zeros(d, DType::F32, keys[1].shape())};
      const Tensor dvalues = Tensor::zeros(d, DType::F32, values.shape());
      const bool two = c.widths[1] > 0;
      KvSource kv{{keys[0].view(), two ? ConstView(keys[1].view()) : ConstView()}, values.view(), {}, 0};
      d.backend().attention_backward(dq.view(), {dkeys[0].view(), two ? dkeys[1].view() : View()}, dvalues.view(),
                                     Tensor::from(d, dout, {T, H, c.value_width}).view(), qs.view(), kv,
                                     {c.starts, positions}, 0.11f);
      std::vector<float> all;
      for (const Tensor& t : {dq, dkeys[0], dkeys[1], dvalues}) {
        const std::vector<float> part = t.to_floats();
        all.insert(all.end(), part.begin(), part.end());
      }
      return all;
    };
    const std::vector<float> expected = run(reference()), actual = run(device(GetParam()));
    EXPECT_LT(relative_error(actual, expected), 1e-5);
    expect_same_bits(run(device(GetParam(), 3)), actual);
  }
}

INSTANTIATE_TEST_SUITE_P(Every, AttentionBackends, testing::ValuesIn(backends()), test_name);

}  // namespace
}  // namespace dure
