// Guesses make answers faster, they do not change them.
#include "engine/speculation.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <map>

#include "engine/ngram_drafter.h"
#include "engine/test_engine.h"
#include "ops/view.h"

namespace dure {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

/// Knows the answers, and guesses as many tokens right as `right` says, over and over; then one wrong.
class Oracle : public Drafter {
 public:
  Oracle(std::map<int, std::vector<int>> texts, std::vector<int> right)
      : texts_(std::move(texts)), right_(std::move(right)) {}
  void follow(const KeptBatch& batch) override {
    for (const KeptRows& part : batch.parts) {
      if (part.wanted <= 0) continue;
      Sequence& s = *part.sequence;
      const std::vector<int>& text = texts_.at(s.prompt_length());
      const int right = right_[calls_++ % right_.size()];
      for (int i = 0; i < part.wanted; ++i) {
        const size_t place = static_cast<size_t>(s.length() - s.prompt_length() + i);
        const int id = place < text.size() ? text[place] : 0;
        s.drafts.push_back(i < right ? id : (id + 1) % 320);
      }
    }
  }

 private:
  std::map<int, std::vector<int>> texts_;  // by the prompt's length
  std::vector<int> right_;
  size_t calls_ = 0;
};

SpeculationOptions always(DraftSource source, int most) { return {source, most, false}; }

TEST(Speculation, RightAndWrongGuessesChangeNoByte) {
  TinyEngine f;
  for (const float temperature : {0.f, 1.f})
    for (const int blocks : {12, 6}) {  // 6: sequences lose their blocks now and then
      SCOPED_TRACE(fmt::format("temperature {}, {} blocks", temperature, blocks));
      std::vector<TinyAnswer> alone, answers(3);
      std::map<int, std::vector<int>> texts;
      for (int i = 0; i < 3; ++i) {
        alone.push_back(tiny_alone(f, tiny_prompt(70 + 20 * i, i), 200, temperature));
        texts[70 + 20 * i] = alone.back().tokens;
      }
      EngineOptions options = f.options(512, blocks, 100);
      options.speculation = always(DraftSource::none, 3);
      Engine engine(*f.model, *f.device, options, std::make_unique<Oracle>(texts, std::vector{3, 0, 1, 2, 3}));
      for (int i = 0; i < 3; ++i)
        engine.add(tiny_request(tiny_prompt(70 + 20 * i, i), 200, &answers[static_cast<size_t>(i)], temperature));
      run_to_end(engine);
      for (size_t i = 0; i < 3; ++i) EXPECT_TRUE(answers[i].same(alone[i])) << i;
      const EngineStats stats = engine.stats();
      EXPECT_GT(stats.accepted_tokens, stats.drafted_tokens / 2);
      EXPECT_LT(stats.accepted_tokens, stats.drafted_tokens * 2 / 3);
      EXPECT_EQ(stats.generated_tokens, 600);
      EXPECT_LT(stats.steps, 330);
      EXPECT_EQ(stats.preemptions > 0, blocks == 6);
      EXPECT_EQ(stats.blocks_used, 0);
    }
}

TEST(Speculation, EndsWhereTheAnswerEnds) {
  TinyEngine f;
  const std::vector<int> prompt = tiny_prompt(40, 1);
  const TinyAnswer whole = tiny_alone(f, prompt, 30, 1);
  for (int length = 1; length <= 9; ++length) {
    EngineOptions options = f.options(512);
    options.speculation = always(DraftSource::none, 4);
    Engine engine(*f.model, *f.device, options,
                  std::make_unique<Oracle>(std::map<int, std::vector<int>>{{40, whole.tokens}}, std::vector{4}));
    TinyAnswer full, stopped, enough;
    engine.add(tiny_request(prompt, length, &full, 1));
    Request r = tiny_request(prompt, 30, &stopped, 1);
    r.sampling.stop_token_ids = {whole.tokens[static_cast<size_t>(length)]};
    engine.add(std::move(r));
    r = tiny_request(prompt, 30, &enough, 1);
    r.on_token = [&, on = r.on_token](int choice, const Sampled& t) {
      on(choice, t);
      return enough.tokens.size() < static_cast<size_t>(length);
    };
    engine.add(std::move(r));
    run_to_end(engine);
    const std::vector<int> expected(whole.tokens.begin(), whole.tokens.begin() + length);
    EXPECT_EQ(full.tokens, expected);
    EXPECT_EQ(full.reason, FinishReason::length);
    EXPECT_EQ(enough.tokens, expected);
    EXPECT_EQ(enough.reason, FinishReason::cancelled);
    const auto end = std::ranges::find(whole.tokens, whole.tokens[static_cast<size_t>(length)]);
    EXPECT_EQ(stopped.tokens, std::vector<int>(whole.tokens.begin(), end));
    EXPECT_EQ(stopped.reason, FinishReason::stop);
    // What was kept is found again, what was only guessed is not.
    std::vector<int> next = prompt;
    next.insert(next.end(), expected.begin(), expected.end());
    EXPECT_EQ(engine.cached_tokens(next), 40 + length - 1);
  }
}

TEST(Speculation, ExactRunsAndSeveralChoicesToo) {
  TinyEngine f;
  const auto run = [&](SpeculationOptions speculation) {
    EngineOptions options = f.options(512);
    options.exact = true;
    options.speculation = speculation;
    Engine engine = f.engine(options);
    std::vector<TinyAnswer> answers(4);
    Request r = tiny_request(tiny_prompt(50, 2), 120, answers.data(), 1);
    r.n = 3;
    engine.add(std::move(r));
    engine.add(tiny_request(tiny_prompt(130, 3), 120, &answers[3]));
    run_to_end(engine);
    return answers;
  };
  const std::vector<TinyAnswer> plain = run({});
  for (const DraftSource source : {DraftSource::ngram, DraftSource::mtp}) {
    const std::vector<TinyAnswer> guessed = run(always(source, 3));
    for (size_t i = 0; i < 4; ++i) EXPECT_TRUE(guessed[i].same(plain[i])) << i;
  }
}

TEST(Speculation, ALoopIsFoundInWhatWasSaid) {
  TinyEngine f;
  std::vector<int> prompt;
  for (int i = 0; i < 60; ++i) prompt.push_back(i % 6 + 20);
  const TinyAnswer plain = tiny_alone(f, prompt, 300);
  EngineOptions options = f.options(512);
  options.speculation = always(DraftSource::ngram, 4);
  Engine engine = f.engine(options);
  TinyAnswer answer;
  engine.add(tiny_request(prompt, 300, &answer));
  run_to_end(engine);
  EXPECT_TRUE(answer.same(plain));
  EXPECT_GT(engine.stats().drafted_tokens, 0);
}

/// Writes down what the model's own layer says.
class Watched : public Model {
 public:
  explicit Watched(Model& model) : model_(model) {}
  Tensor forward(const Batch& b) override { return model_.forward(b); }
  Tensor logits(const Tensor& hidden) override { return model_.logits(hidden); }
  Tensor draft_hidden(const Tensor& hidden, const Batch& next) override {
    positions.push_back(next.positions.back());
    return model_.draft_hidden(hidden, next);
  }
  Tensor draft_logits(const Tensor& hidden) override {
    const Tensor logits = model_.draft_logits(hidden);
    const std::span<const float> row = logits.data();
    drafts[positions.back()].assign(row.begin(), row.end());
    return logits;
  }
  bool can_draft() const override { return model_.can_draft(); }
  const Parameters& parameters() const override { return model_.parameters(); }
  std::vector<std::vector<CachePlane>> cache_planes(bool drafting) const override {
    return model_.cache_planes(drafting);
  }
  const ModelInfo& info() const override { return model_.info(); }
  const std::vector<AdapterSwitch>& adapters() const override { return model_.adapters(); }

  std::vector<int> positions;                // of the last row of each call
  std::map<int, std::vector<float>> drafts;  // logits by position

 private:
  Model& model_;
};

/// The layer sees every row with the token after it, whatever the chunks: its logits are those of one forward pass.
TEST(Speculation, TheModelsOwnLayerFollowsEveryRow) {
  TinyEngine f;
  Watched model(*f.model);
  EngineOptions options = f.options(512, 0, 37);
  options.speculation = always(DraftSource::mtp, 1);
  TinyAnswer answer;
  Engine engine(model, *f.device, options);
  const std::vector<int> prompt = tiny_prompt(100, 4);
  engine.add(tiny_request(prompt, 60, &answer, 1));
  run_to_end(engine);

  std::vector<int> ids = prompt;
  ids.insert(ids.end(), answer.tokens.begin(), answer.tokens.end());
  const std::vector<int> rows(ids.begin(), ids.end() - 1), next(ids.begin() + 1, ids.end());
  const Tensor expected = f.model->draft(f.model->forward(single_sequence(rows)), single_sequence(next));  // [T, V]
  const size_t vocab = static_cast<size_t>(expected.dim(1));
  EXPECT_GT(model.drafts.size(), 50u);
  for (const auto& [position, logits] : model.drafts)
    for (size_t v = 0; v < vocab; ++v)
      ASSERT_NEAR(logits[v], expected.data()[static_cast<size_t>(position) * vocab + v], 1e-4) << position;
}

TEST(Speculation, NeedsALayerForIt) {
  TinyEngine f{.name = "qwen3-tied"};
  EngineOptions options = f.options(512);
  options.speculation.source = DraftSource::mtp;
  EXPECT_THROW(f.engine(options), Error);
}

TEST(Ngram, TheLatestPlaceOfTheLongestEnd) {
  const auto after = [](std::vector<int> ids, int most) { return tokens_after_same_end(ids, most); };
  EXPECT_THAT(after({}, 3), IsEmpty());
  EXPECT_THAT(after({1}, 3), IsEmpty());
  EXPECT_THAT(after({1, 2, 1}, 3), IsEmpty());  // one token says too little
  EXPECT_THAT(after({1, 2, 9, 8, 1, 2}, 3), ElementsAre(9, 8, 1));
  EXPECT_THAT(after({1, 2, 9, 8, 1, 2}, 1), ElementsAre(9));
  EXPECT_THAT(after({1, 2, 9, 8, 1, 2}, 0), IsEmpty());
  EXPECT_THAT(after({5, 5, 5, 5}, 4), ElementsAre(5));                          // what there is
  EXPECT_THAT(after({0, 1, 2, 7, 3, 1, 2, 8, 3, 1, 2}, 1), ElementsAre(8));     // the latest of equals
  EXPECT_THAT(after({0, 1, 2, 7, 0, 3, 1, 2, 8, 0, 1, 2}, 1), ElementsAre(7));  // the longer one
  EXPECT_THAT(after({1, 2, 3, 4, 6, 9, 1, 2, 3, 4, 7, 1, 2, 3, 4}, 1), ElementsAre(7));
}

/// Steps of c0 + c1 rows, and guesses that are right with probability p: guesses per step once that is known.
double settled(double c0, double c1, double p, int sequences = 1, double guessing = 0) {
  DraftLength length({DraftSource::mtp, 8, true});
  std::vector<DraftRecord> records(static_cast<size_t>(sequences));
  uint32_t random = 1;
  const auto chance = [&] { return (random = random * 1664525 + 1013904223) / 4294967296.0; };
  int64_t drafts = 0, steps = 0;
  for (int step = 0; step < 600; ++step) {
    int rows = sequences, depth = 0;
    for (DraftRecord& r : records) {
      const int n = length.choose(r, sequences);
      int kept = 0;
      while (kept < n && chance() < p) ++kept;
      if (n > 0) length.compared(r, std::min(kept + 1, n), kept);
      rows += n;
      depth = std::max(depth, n);
      if (step >= 300) drafts += n, ++steps;
    }
    length.took(rows, c0 + c1 * rows + guessing * depth, depth, guessing * depth);
  }
  return static_cast<double>(drafts) / static_cast<double>(steps);
}

TEST(DraftLength, AsManyAsPay) {
  EXPECT_GT(settled(1, 0.01, 0.95), 7);         // rows cost next to nothing
  EXPECT_NEAR(settled(1, 0.2, 0.7), 4, 1.5);    // 0.7^4 > 0.2 / 1.2 > 0.7^6
  EXPECT_LT(settled(1, 0.5, 0.2), 0.1);         // a third of a step for a fifth of a token
  EXPECT_LT(settled(0, 1, 0.9), 0.1);           // no step is shared
  EXPECT_LT(settled(1, 0.1, 0.5, 32), 0.1);     // 32 sequences fill a step already
  EXPECT_LT(settled(1, 0.01, 0.5, 1, 1), 0.1);  // guessing takes as long as a step
}

}  // namespace
}  // namespace dure
