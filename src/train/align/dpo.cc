#include "train/align/dpo.h"

#include <cmath>
#include <numeric>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "train/align/log_probs.h"
#include "train/data/permutation.h"

namespace dure {
namespace {

constexpr int64_t kRows = 4096;  // at once, where no gradient is wanted

double log_sigmoid(double x) { return x < 0 ? x - std::log1p(std::exp(x)) : -std::log1p(std::exp(-x)); }

/// log p of each document's answer.
std::vector<double> answer_log_probs(Model& model, const std::vector<TokenBatch>& batches) {
  std::vector<double> sums;
  for (const TokenBatch& batch : batches) {
    const std::vector<float> each = target_log_probs(model, batch);
    for (size_t d = 0; d + 1 < batch.starts.size(); ++d)
      sums.push_back(std::accumulate(each.begin() + batch.starts[d], each.begin() + batch.starts[d + 1], 0.0));
  }
  return sums;
}

class DpoSource final : public StepSource {
 public:
  DpoSource(Model& model, std::vector<PreferencePair> pairs, const DpoOptions& options)
      : model_(model), pairs_(std::move(pairs)), o_(options) {
    require(!pairs_.empty(), "dpo: there are no pairs");
    reference_ = std::filesystem::exists(o_.reference) ? read_reference() : make_reference();
  }

  StepData step(int64_t, int64_t micro_tokens) override {
    const NoGradient guard(model_);
    std::vector<TokenizedDocument> documents;
    std::vector<double> reference;
    for (const size_t pair : choose_pairs()) append(pair, documents, &reference);
    StepData data;
    data.batches = pack_documents(documents, micro_tokens);
    std::vector<double> gains =
        answer_log_probs(model_, data.batches);  // log p - log p0: chosen, rejected, chosen, ...
    for (size_t d = 0; d < gains.size(); ++d) gains[d] -= reference[d];
    weigh(gains, data);
    return data;
  }

  int vocab_size() const override { return model_.info().vocab_size; }
  Json state() const override {
    return {{"pairs", pairs_.size()}, {"seed", o_.seed}, {"position", position_}, {"reference", reference_sum()}};
  }
  void restore(const Json& state) override {
    const Fields fields(state, "data");
    require(fields.number("pairs") == static_cast<double>(pairs_.size()) &&
                fields.number("seed") == static_cast<double>(o_.seed),
            "data: the run was begun with other pairs or another seed");
    require(fields.number("reference") == reference_sum(), "{}: it is not what the run began with",
            o_.reference.string());
    position_ = static_cast<uint64_t>(fields.number("position"));
  }

 private:
  /// The next ones of an endless row of permutations.
  std::vector<size_t> choose_pairs() {
    const uint64_t count = pairs_.size();
    std::vector<size_t> chosen;
    for (int i = 0; i < o_.pairs; ++i, ++position_)
      chosen.push_back(static_cast<size_t>(Permutation(count, o_.seed, position_ / count)(position_ % count)));
    return chosen;
  }

  void append(size_t pair, std::vector<TokenizedDocument>& documents, std::vector<double>* reference) const {
    documents.push_back(pairs_[pair].chosen);
    documents.push_back(pairs_[pair].rejected);
    if (reference != nullptr) reference->insert(reference->end(), {reference_[2 * pair], reference_[2 * pair + 1]});
  }

  /// Weights of the targets by which the trainer's mean over targets has the gradient of the mean over pairs.
  void weigh(const std::vector<double>& gains, StepData& data) const {
    const auto pairs = static_cast<double>(gains.size() / 2);
    double loss = 0, margin = 0, right = 0, chosen = 0, targets = 0;
    std::vector<double> slopes;  // -dL/d log p of each document
    for (size_t p = 0; p < gains.size(); p += 2) {
      const double m = o_.beta * (gains[p] - gains[p + 1]), e = o_.label_smoothing;
      loss -= (1 - e) * log_sigmoid(m) + e * log_sigmoid(-m);
      margin += m;
      right += m > 0;
      chosen += gains[p];
      const double slope = o_.beta * ((1 - e) * std::exp(log_sigmoid(-m)) - e * std::exp(log_sigmoid(m)));
      slopes.insert(slopes.end(), {slope / pairs, -slope / pairs});
    }
    for (const TokenBatch& batch : data.batches) {
      targets += static_cast<double>(std::ranges::count_if(batch.targets, [](int t) { return t >= 0; }));
      data.rows += batch.rows();
    }
    auto slope = slopes.begin();
    for (TokenBatch& batch : data.batches) {
      batch.weights.resize(batch.tokens.size());
      for (size_t d = 0; d + 1 < batch.starts.size(); ++d, ++slope)
        std::fill(batch.weights.begin() + batch.starts[d], batch.weights.begin() + batch.starts[d + 1],
                  static_cast<float>(*slope * targets));
    }
    data.measures = {
        {"dpo_loss", loss / pairs}, {"margin", margin / pairs}, {"right", right / pairs}, {"chosen", chosen / pairs}};
  }

  std::vector<double> make_reference() const {
    const NoGradient guard(model_);
    std::vector<double> sums;
    for (size_t pair = 0; pair < pairs_.size(); ++pair) {
      std::vector<TokenizedDocument> documents;
      append(pair, documents, nullptr);
      const std::vector<double> both = answer_log_probs(model_, pack_documents(documents, kRows));
      sums.insert(sums.end(), both.begin(), both.end());
    }
    if (!o_.reference.empty()) {
      std::filesystem::create_directories(o_.reference.parent_path());
      write_file_atomically(o_.reference, [&](std::ostream& out) {
        out << dump_json(Json{{"log_probs", sums}}) << '\n';
      });
    }
    return sums;
  }

  std::vector<double> read_reference() const {
    const std::string name = o_.reference.string();
    const Json json = parse_json(read_file(o_.reference), name);
    const Fields fields(json, name);
    const Json* list = fields.find("log_probs");
    const auto is_number = [](const Json& v) { return v.is_number(); };
    require(list != nullptr && list->is_array() && list->size() == 2 * pairs_.size() &&
                std::ranges::all_of(*list, is_number),
            "{}: field 'log_probs': expected {} numbers: is it of other pairs?", name, 2 * pairs_.size());
    return list->get<std::vector<double>>();
  }

  double reference_sum() const { return std::accumulate(reference_.begin(), reference_.end(), 0.0); }

  Model& model_;
  const std::vector<PreferencePair> pairs_;
  const DpoOptions o_;
  std::vector<double> reference_;  // of each pair's chosen and rejected answer
  uint64_t position_ = 0;          // in the row of pairs
};

}  // namespace

std::unique_ptr<StepSource> make_dpo_source(Model& model, Device&, std::vector<PreferencePair> pairs,
                                            const DpoOptions& options) {
  return std::make_unique<DpoSource>(model, std::move(pairs), options);
}

}  // namespace dure
