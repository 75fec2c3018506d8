// Whoever loses its blocks gets them back, and nobody can tell from the bytes.
#include <random>

#include "engine/test_engine.h"

namespace dure {
namespace {

TEST(Preemption, ChangesNoBytes) {
  TinyEngine f;
  for (const int blocks : {4, 6, 9}) {
    SCOPED_TRACE(blocks);
    Engine engine = f.engine(512, blocks, 100);  // each of them comes to four blocks in the end
    std::vector<TinyAnswer> answers(6);
    for (int i = 0; i < 6; ++i)
      engine.add(tiny_request(tiny_prompt(70 + 20 * i, i), 300, &answers[static_cast<size_t>(i)], i % 2 ? 1.f : 0.f));
    run_to_end(engine);
    const EngineStats stats = engine.stats();
    EXPECT_GT(stats.preemptions, 0);
    EXPECT_EQ(stats.blocks_used, 0);
    for (int i = 0; i < 6; ++i) {
      const TinyAnswer& answer = answers[static_cast<size_t>(i)];
      EXPECT_EQ(answer.reason, FinishReason::length);
      EXPECT_TRUE(answer.same(tiny_alone(f, tiny_prompt(70 + 20 * i, i), 300, i % 2 ? 1.f : 0.f))) << i;
    }
  }
}

/// Rows that were an answer's in the prompt are computed again as an answer's.
TEST(Preemption, AConversationIsComputedAsItWas) {
  TinyEngine f;
  const auto talk = [&](int blocks, int others) {
    Engine engine = f.engine(1024, blocks, 200);
    TinyAnswer first, second;
    std::vector<int> ids = tiny_prompt(150, 1);
    engine.add(tiny_request(ids, 120, &first));
    run_to_end(engine);
    ids.insert(ids.end(), first.tokens.begin(), first.tokens.end());
    for (const int id : tiny_prompt(30, 9)) ids.push_back(id);
    std::vector<TinyAnswer> company(static_cast<size_t>(others));
    Request r = tiny_request(ids, 200, &second);
    r.priority = 1;  // whoever is preempted, it is this one
    engine.add(std::move(r));
    engine.step();
    for (int i = 0; i < others; ++i)
      engine.add(tiny_request(tiny_prompt(200, 20 + i), 150, &company[static_cast<size_t>(i)]));
    run_to_end(engine);
    EXPECT_EQ(second.cached, 269);
    EXPECT_EQ(engine.stats().preemptions > 0, others > 0);
    return second;
  };
  EXPECT_TRUE(talk(8, 4).same(talk(8, 0)));
}

TEST(Preemption, AnUrgentRequestTakesThePlaceOfOthers) {
  TinyEngine f;
  EngineOptions options = f.options(512, 8);
  options.max_num_seqs = 2;
  Engine engine = f.engine(options);
  std::vector<TinyAnswer> answers(3);
  for (int i = 0; i < 3; ++i) {
    Request r = tiny_request(tiny_prompt(40, i), 30, &answers[static_cast<size_t>(i)]);
    r.priority = i < 2 ? 5 : -1;
    engine.add(std::move(r));
    engine.step();
  }
  while (!answers[2].reason) engine.step();
  EXPECT_FALSE(answers[1].reason);
  run_to_end(engine);
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(answers[static_cast<size_t>(i)].same(tiny_alone(f, tiny_prompt(40, i), 30)));
  }
}

TEST(Preemption, AShortPromptPassesALongOneWhichGoesOnToo) {
  TinyEngine f;
  Engine engine = f.engine(1024, 32, 32);
  TinyAnswer long_answer, short_answer;
  Request r = tiny_request(tiny_prompt(900, 1), 4, &long_answer);
  int done = 0;
  r.on_prefill = [&](int rows, int) { done = rows; };
  engine.add(std::move(r));
  for (int i = 0; i < 4; ++i) engine.step();
  const int before = done;
  engine.add(tiny_request(tiny_prompt(90, 2), 4, &short_answer));
  int steps = 0;
  for (; short_answer.tokens.empty(); ++steps) engine.step();
  EXPECT_LE(steps, 90 / 24 + 1);  // three quarters of each step
  EXPECT_GE(done - before, steps * 8);
  run_to_end(engine);
  EXPECT_TRUE(long_answer.same(tiny_alone(f, tiny_prompt(900, 1), 4)));
}

/// Thousands of random steps in a cache that is far too small.
TEST(Preemption, NothingIsLostInARandomLife) {
  TinyEngine f;
  for (const unsigned seed : {1u, 2u, 3u}) {
    SCOPED_TRACE(seed);
    std::mt19937 rng(seed);
    const auto upto = [&](int n) { return static_cast<int>(rng() % static_cast<unsigned>(n)); };
    EngineOptions options = f.options(512, 5 + upto(4), 64);
    options.max_num_seqs = 6;
    options.max_num_waiting = 12;
    Engine engine = f.engine(options);
    std::vector<std::unique_ptr<std::array<TinyAnswer, 3>>> answers;
    std::vector<std::pair<SeqId, int>> added;  // and how many choices
    int refused = 0;
    for (int turn = 0; turn < 1500; ++turn) {
      if (upto(4) == 0) {
        answers.push_back(std::make_unique<std::array<TinyAnswer, 3>>());
        // Few beginnings, so that prompts share blocks.
        std::vector<int> ids = tiny_prompt(1 + upto(300), upto(3));
        ids.resize(ids.size() + static_cast<size_t>(upto(60)), upto(320));
        Request r = tiny_request(ids, 1 + upto(150), answers.back()->data(), upto(2) ? 1.f : 0.f);
        r.n = 1 + upto(3);
        r.priority = upto(3);
        if (upto(10) == 0) r.deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(upto(30));
        if (upto(10) == 0)
          r.on_token = [left = upto(5)](int, const Sampled&) mutable {
            return --left < 0 ? throw std::runtime_error("enough") : true;
          };
        const int n = r.n;
        try {
          added.emplace_back(engine.add(std::move(r)), n);
        } catch (const QueueFull&) {
          ++refused;
          answers.pop_back();
        }
      }
      if (!added.empty() && upto(12) == 0) engine.cancel(added[static_cast<size_t>(upto(int(added.size())))].first);
      engine.step();
      const EngineStats s = engine.stats();
      ASSERT_LE(s.running, 6);
      ASSERT_LE(s.blocks_used + s.blocks_cached, s.blocks);
    }
    run_to_end(engine);
    const EngineStats s = engine.stats();
    EXPECT_EQ(s.running + s.waiting + s.blocks_used, 0);
    EXPECT_GT(s.preemptions, 10);
    EXPECT_GT(s.prefix_hits, 1000);
    int64_t choices = 0, finished = 0;
    for (const int64_t n : s.finished) finished += n;
    for (size_t i = 0; i < added.size(); ++i)
      for (int c = 0; c < added[i].second; ++c, ++choices)
        EXPECT_EQ((*answers[i])[static_cast<size_t>(c)].finished, 1) << added[i].first;
    EXPECT_EQ(finished, choices);
    EXPECT_GT(refused, 0);
  }
}

}  // namespace
}  // namespace dure
