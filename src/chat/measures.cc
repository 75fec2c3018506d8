#include "chat/measures.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/json.h"
#include "ops/view.h"
#include "sampling/softmax.h"

namespace dure {
namespace {

/// The ids that a word may begin with, as a tokenizer writes it after different texts.
std::vector<int> first_ids(const Tokenizer& tokenizer, std::initializer_list<const char*> spellings) {
  std::vector<int> ids;
  for (const char* s : spellings) {
    const std::vector<int> word = tokenizer.encode(s, {.parse_special = false});
    if (!word.empty()) ids.push_back(word.front());
  }
  return ids;
}

}  // namespace

std::vector<float> embed_text(const LoadedModel& model, const std::vector<int>& ids) {
  const Tensor hidden = model.model().forward(single_sequence(ids));  // [T, D]
  const auto T = static_cast<size_t>(hidden.dim(0)), D = static_cast<size_t>(hidden.dim(1));
  std::vector<double> sum(D);
  for (size_t t = 0; t < T; ++t)
    for (size_t d = 0; d < D; ++d) sum[d] += hidden.data()[t * D + d];
  const double length = std::sqrt(std::inner_product(sum.begin(), sum.end(), sum.begin(), 0.0));
  std::vector<float> embedding(D);
  for (size_t d = 0; d < D; ++d) embedding[d] = static_cast<float>(sum[d] / std::max(length, 1e-30));
  return embedding;
}

std::vector<Sampled> score_text(const LoadedModel& model, const std::vector<int>& ids, int top) {
  constexpr int kRows = 32;                                           // at once: logits are wide
  const Tensor hidden = model.model().forward(single_sequence(ids));  // [T, D]
  std::vector<Sampled> scores;
  for (int begin = 0; begin + 1 < static_cast<int>(ids.size()); begin += kRows) {
    std::vector<int> rows(static_cast<size_t>(std::min(kRows, static_cast<int>(ids.size()) - 1 - begin)));
    std::iota(rows.begin(), rows.end(), begin);
    const Tensor logits = model.model().logits(take_rows(hidden, rows));  // [rows, V]
    const auto V = static_cast<size_t>(logits.dim(1));
    for (size_t r = 0; r < rows.size(); ++r) {
      const std::span<const float> row = logits.data().subspan(r * V, V);
      const double total = log_sum_exp(row);
      const auto logprob = [&](int id) { return static_cast<float>(row[static_cast<size_t>(id)] - total); };
      const int next = ids[static_cast<size_t>(rows[r]) + 1];
      Sampled s{next, logprob(next), {}};
      std::vector<int> order(V);
      std::iota(order.begin(), order.end(), 0);
      const auto kept = std::min(static_cast<size_t>(top), V);
      std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(kept), order.end(),
                        [&](int a, int b) {
                          const float x = row[static_cast<size_t>(a)], y = row[static_cast<size_t>(b)];
                          return x != y ? x > y : a < b;
                        });
      for (size_t i = 0; i < kept; ++i) s.top.push_back({order[i], logprob(order[i])});
      scores.push_back(std::move(s));
    }
  }
  return scores;
}

double yes_probability(const LoadedModel& model, const std::vector<int>& ids) {
  const Tensor hidden = model.model().forward(single_sequence(ids));                                     // [T, D]
  const Tensor logits = model.model().logits(take_rows(hidden, {static_cast<int>(hidden.dim(0)) - 1}));  // [1, V]
  const auto best = [&](std::initializer_list<const char*> spellings) {
    double most = -std::numeric_limits<double>::infinity();
    for (const int id : first_ids(model.tokenizer(), spellings))
      most = std::max(most, double{logits.data()[static_cast<size_t>(id)]});
    return most;
  };
  const double difference = best({"Yes", "yes", " Yes", " yes"}) - best({"No", "no", " No", " no"});
  return std::isnan(difference) ? 0.5 : 1 / (1 + std::exp(-difference));
}

std::vector<int> relevance_prompt(const LoadedModel& model, const std::string& query, const std::string& document) {
  const std::string question = "Query: " + query + "\n\nDocument: " + document +
                               "\n\nDoes the document answer the query? Say only \"yes\" or \"no\".";
  if (model.renderer() == nullptr) return model.raw_prompt(question + "\nAnswer:");
  Json context;
  context["messages"] = Json::array({{{"role", "user"}, {"content", question}}});
  context["add_generation_prompt"] = true;
  context["thinking"] = false;
  context["enable_thinking"] = false;
  return model.render(std::move(context), true).ids;
}

}  // namespace dure
