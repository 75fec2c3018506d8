#include "toolbox/verify.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "backend/registry.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "toolbox/sequence_run.h"

namespace dure {
namespace {

constexpr double kMinCosine = 0.999;  // what bf16 arithmetic must keep of the last logits

using Floats = std::vector<float>;

double max_difference(std::span<const float> a, const Json& expected) {
  require(expected.is_array() && expected.size() == a.size(), "golden: {} values, expected {}", expected.size(),
          a.size());
  double worst = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double d = std::fabs(a[i] - expected[i].get<double>());
    worst = std::isnan(d) ? INFINITY : std::max(worst, d);
  }
  return worst;
}

double cosine(std::span<const float> a, const Json& b) {
  double ab = 0, aa = 0, bb = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double x = a[i], y = b[i].get<double>();
    ab += x * y, aa += x * x, bb += y * y;
  }
  return ab / std::sqrt(aa * bb);
}

double log_sum_exp(std::span<const float> row) {
  const double max = *std::max_element(row.begin(), row.end());
  double sum = 0;
  for (const float v : row) sum += std::exp(v - max);
  return max + std::log(sum);
}

int argmax(std::span<const float> row) {
  return static_cast<int>(std::max_element(row.begin(), row.end()) - row.begin());
}

/// Row t of [T, V].
std::span<const float> row_of(const Tensor& logits, int64_t t) {
  return logits.data().subspan(static_cast<size_t>(t * logits.dim(1)), static_cast<size_t>(logits.dim(1)));
}

/// The ways in which one sequence can be cut into batches.
enum class Cut { one_chunk, odd_chunks, single_tokens };
constexpr std::pair<Cut, const char*> kCuts[] = {{Cut::one_chunk, "prefill in one chunk"},
                                                 {Cut::odd_chunks, "prefill in odd chunks"},
                                                 {Cut::single_tokens, "token by token"}};

std::vector<std::vector<int>> cut(const std::vector<int>& ids, Cut how) {
  constexpr int kOdd[] = {1, 5, 3, 17, 64, 2, 31};
  std::vector<std::vector<int>> chunks;
  for (size_t at = 0, i = 0; at < ids.size(); ++i) {
    size_t n = how == Cut::one_chunk ? ids.size() : how == Cut::single_tokens ? 1 : kOdd[i % std::size(kOdd)];
    n = std::min(n, ids.size() - at);
    chunks.emplace_back(ids.begin() + static_cast<long>(at), ids.begin() + static_cast<long>(at + n));
    at += n;
  }
  return chunks;
}

class Verifier {
 public:
  Verifier(const std::filesystem::path& folder, const Json& golden, const DeviceOptions& options,
           const std::function<void(const Check&)>& report)
      : golden_(golden), exact_(options.compute == Compute::f32), report_(report) {
    device_ = make_device(options);
    LoadOptions load;
    std::filesystem::path base = folder;
    if (golden_.contains("base_model")) {  // the folder is an adapter, the model lies beside it
      base = std::filesystem::weakly_canonical(folder).parent_path() / golden_["base_model"].get<std::string>();
      load.adapters.push_back({folder});
    }
    checkpoint_ = open_checkpoint(base, *device_);
    model_ = load_model(*checkpoint_, *device_, load);
    label_ = fmt::format("{}, {}", device_->backend().name(), exact_ ? "f32" : "bf16");
    // Gradient goldens state no tolerance for logits; 4e-4 is what models of their size have elsewhere.
    const Json& tolerance = golden_.at("tolerance");
    tolerance_ =
        tolerance.contains("f32_engine_max_abs_logit") ? tolerance["f32_engine_max_abs_logit"].get<double>() : 4e-4;
  }

  std::vector<Check> run() {
    const Json& sequences = golden_.at("sequences");
    for (const auto& [how, name] : kCuts) {
      what_ = name;
      for (const Json& s : sequences) sequence(s, how);
      if (!exact_) judge_cosines();
    }
    if (exact_) {
      what_ = "without a cache";
      for (const Json& s : sequences) {
        const std::vector<int> ids = s.at("input_ids").get<std::vector<int>>();
        compare_positions(s, model_->logits(model_->forward(single_sequence(ids))), 0);
      }
      what_ = "all sequences in one batch";
      together(sequences);
      if (golden_.contains("debug")) layers(golden_.at("debug"), sequences);
      if (golden_.contains("mtp") && model_->can_draft()) mtp(golden_.at("mtp").at("sequences"), sequences);
    }
    std::vector<Check> checks;
    for (const auto& name : order_) {
      checks.push_back(worst_.at(name));
      if (report_) report_(checks.back());
    }
    return checks;
  }

 private:
  /// Keeps the worst of each kind.
  void note(const std::string& kind, double error, double limit) {
    const std::string name = fmt::format("{}: {}", what_, kind);
    const auto [it, fresh] = worst_.try_emplace(name, Check{label_, name, error, limit});
    if (fresh) order_.push_back(name);
    if (!(error <= it->second.error)) it->second.error = error;
  }

  /// Rounding may flip a near-tie of a router, which moves the logits of that position by O(1). So a mixture is judged
  /// by the median over all positions, a dense model by the worst.
  void judge_cosines() {
    const bool mixture = model_->info().active_parameters < model_->info().parameters;
    std::sort(cosines_.begin(), cosines_.end());
    const double kept = mixture ? cosines_[cosines_.size() / 2] : cosines_.front();
    note(mixture ? "1 - cosine of logits, median" : "1 - cosine of logits, worst", 1 - kept, 1 - kMinCosine);
    cosines_.clear();
  }

  DType cache_dtype() const { return exact_ ? DType::F32 : DType::BF16; }

  /// Logits [T, V] of rows first, first + 1, ... of one golden sequence.
  void compare_positions(const Json& s, const Tensor& logits, int first) {
    const int length = s.at("len").get<int>();
    for (int64_t i = 0; i < logits.dim(0); ++i) {
      const int t = first + static_cast<int>(i);
      const std::span<const float> row = row_of(logits, i);
      const Json& others = s.at("position_logits");
      const std::string key = std::to_string(t);
      const Json* expected = t == length - 1 ? &s.at("last_logits") : others.contains(key) ? &others[key] : nullptr;
      if (!exact_) {
        if (expected != nullptr) cosines_.push_back(cosine(row, *expected));
        continue;
      }
      if (expected != nullptr) note("logits", max_difference(row, *expected), tolerance_);
      note("logsumexp", std::fabs(log_sum_exp(row) - s.at("logsumexp")[t].get<double>()), tolerance_);
      const bool clear = s.at("argmax_margin")[t].get<double>() > 10 * tolerance_;
      note("argmax that differ", clear && argmax(row) != s.at("argmax")[t].get<int>() ? 1 : 0, 0);
    }
  }

  void sequence(const Json& s, Cut how) {
    const std::vector<int> ids = s.at("input_ids").get<std::vector<int>>();
    const std::vector<int> greedy = s.at("greedy").get<std::vector<int>>();
    SequenceRun run(*model_, *device_, 1, static_cast<int>(ids.size() + greedy.size()), cache_dtype());
    int done = 0;
    Tensor logits;
    for (const std::vector<int>& chunk : cut(ids, how)) {
      logits = model_->logits(run.feed({chunk}));  // [chunk, V]
      compare_positions(s, logits, done);
      done += static_cast<int>(chunk.size());
    }
    if (!exact_) return;
    int differ = 0;
    for (const int expected : greedy) {
      differ += argmax(row_of(logits, logits.dim(0) - 1)) != expected;
      logits = model_->logits(run.feed({{expected}}));  // [1, V]
    }
    note("greedy tokens that differ", differ, 0);
    note("logits after the continuation", max_difference(row_of(logits, 0), s.at("final_logits_after_greedy")),
         tolerance_);
  }

  /// All sequences side by side, in chunks that start and end at different places: each gets the bytes it gets alone.
  void together(const Json& sequences) {
    std::vector<std::vector<std::vector<int>>> chunks;  // [sequence][step]
    size_t steps = 0;
    int longest = 1;
    for (const Json& s : sequences) {
      const std::vector<int> ids = s.at("input_ids").get<std::vector<int>>();
      longest = std::max(longest, static_cast<int>(ids.size()));
      chunks.push_back(cut(ids, chunks.size() % 2 == 0 ? Cut::odd_chunks : Cut::single_tokens));
      steps = std::max(steps, chunks.back().size());
    }
    const int n = static_cast<int>(chunks.size());
    SequenceRun all(*model_, *device_, n, longest, cache_dtype());
    std::vector<SequenceRun> alone;
    for (int s = 0; s < n; ++s) alone.emplace_back(*model_, *device_, 1, longest, cache_dtype());

    std::vector<int> done(static_cast<size_t>(n));
    for (size_t step = 0; step < steps; ++step) {
      std::vector<std::vector<int>> rows;
      for (const auto& c : chunks) rows.push_back(step < c.size() ? c[step] : std::vector<int>{});
      const Tensor hidden = all.feed(rows);  // [T, D]
      int64_t at = 0;
      for (int s = 0; s < n; ++s) {
        if (rows[s].empty()) continue;
        const int64_t count = static_cast<int64_t>(rows[s].size());
        const Tensor mine = hidden.rows(at, count), own = alone[s].feed({rows[s]});  // [count, D]
        note("hidden states with other bytes than alone", std::ranges::equal(mine.data(), own.data()) ? 0 : 1, 0);
        compare_positions(sequences[s], model_->logits(mine), done[s]);
        done[s] += static_cast<int>(count);
        at += count;
      }
    }
  }

  /// The debug block: residual stream and router at the last token of one sequence.
  void layers(const Json& debug, const Json& sequences) {
    what_ = "layer by layer";
    const Json& s = sequences.at(debug.at("sequence_index").get<size_t>());
    const Trace trace = [&](std::string_view name, int layer, const Tensor& value) {
      const Tensor last = value.rows(value.dim(0) - 1, 1);
      if (name == "embedding") note("embedding", max_difference(last.to_floats(), debug.at("embedding")), tolerance_);
      if (name == "layer_output")
        note("residual stream", max_difference(last.to_floats(), debug.at("layer_outputs").at(layer)), tolerance_);
      if (!debug.contains("router") || !debug["router"].contains(std::to_string(layer))) return;
      const Json& router = debug["router"][std::to_string(layer)];
      if (name == "router_experts") note("experts", max_difference(last.to_floats(), router.at("experts")), 0);
      if (name == "router_weights")
        note("routing weights", max_difference(last.to_floats(), router.at("weights")), tolerance_);
    };
    const std::vector<int> ids = s.at("input_ids").get<std::vector<int>>();
    SequenceRun run(*model_, *device_, 1, static_cast<int>(ids.size()), cache_dtype());
    run.feed({ids}, &trace);
  }

  void mtp(const Json& goldens, const Json& sequences) {
    what_ = "MTP";
    for (size_t i = 0; i < goldens.size(); ++i) {
      const std::vector<int> ids = sequences[i].at("input_ids").get<std::vector<int>>();
      SequenceRun run(*model_, *device_, 1, static_cast<int>(ids.size()), cache_dtype());
      Batch next;
      const Tensor hidden = run.feed({ids}, nullptr, &next);  // [T, D]
      next.tokens = goldens[i].at("mtp_input_ids").get<std::vector<int>>();
      const Tensor logits = model_->draft(hidden, next);  // [T, V]
      const std::span<const float> last = row_of(logits, logits.dim(0) - 1);
      note("logits", max_difference(last, goldens[i].at("last_logits")), tolerance_);
      for (int64_t t = 0; t < logits.dim(0); ++t) {
        const double expected = goldens[i].at("logsumexp")[t].get<double>();
        note("logsumexp", std::fabs(log_sum_exp(row_of(logits, t)) - expected), tolerance_);
      }
    }
  }

  const Json& golden_;
  bool exact_;
  const std::function<void(const Check&)>& report_;
  std::unique_ptr<Device> device_;
  std::unique_ptr<Checkpoint> checkpoint_;
  std::unique_ptr<Model> model_;
  std::string label_, what_;
  double tolerance_ = 0;
  std::vector<double> cosines_;  // bf16: of every position with known logits
  std::map<std::string, Check> worst_;
  std::vector<std::string> order_;
};

}  // namespace

std::vector<Check> verify_model(const std::filesystem::path& folder, const std::vector<std::string>& names,
                                const std::function<void(const Check&)>& report) {
  const std::filesystem::path file = folder / "golden.json";
  const Json golden = parse_json(read_file(file), file.string());
  std::vector<Check> checks;
  for (const std::string& backend : names.empty() ? backends() : names)
    for (const Compute compute : {Compute::f32, Compute::bf16}) {
      try {
        DeviceOptions options;
        options.backend = backend;
        options.compute = compute;
        const std::vector<Check> some = Verifier(folder, golden, options, report).run();
        checks.insert(checks.end(), some.begin(), some.end());
      } catch (const Json::exception& e) {
        fail("{}: {}", file.string(), e.what());
      }
    }
  return checks;
}

}  // namespace dure
