#include "engine/engine.h"

#include <gtest/gtest.h>

#include "backend/registry.h"
#include "base/error.h"

namespace dure {
namespace {

struct Fixture {
  std::unique_ptr<Device> device = make_device();
  std::unique_ptr<Checkpoint> checkpoint = open_checkpoint(DURE_TESTS_DIR "/fixtures/models/ds3-tiny", *device);
  std::unique_ptr<Model> model = load_model(*checkpoint, *device);

  Engine engine(int max_model_len, int pages = 0, int batch = 512) {
    EngineOptions options;
    options.max_model_len = max_model_len;
    options.max_num_batched_tokens = batch;
    options.cache_dtype = DType::F32;
    options.cache_bytes = pages * KVCache::kBlockSize * cache_bytes_per_token(model->cache_planes(), DType::F32);
    return Engine(*model, *device, options);
  }
};

struct Answer {
  std::vector<int> tokens;
  std::optional<FinishReason> reason;
  int prefilled = 0;  // rows that were computed for the prompt
};

Request greedy(std::vector<int> prompt, int max_tokens, Answer& answer) {
  Request r;
  r.prompt = std::move(prompt);
  r.sampling.temperature = 0;
  r.sampling.max_tokens = max_tokens;
  r.on_token = [&](int, const Sampled& t) { return answer.tokens.push_back(t.id), true; };
  r.on_finish = [&](int, FinishReason reason) { answer.reason = reason; };
  return r;
}

std::vector<int> prompt(int length, int seed) {
  std::vector<int> ids;
  for (int i = 0; i < length; ++i) ids.push_back((seed * 131 + i * i * 7 + i * 13) % 320);
  return ids;
}

std::vector<int> alone(Fixture& f, const std::vector<int>& ids, int max_tokens) {
  Answer answer;
  Engine engine = f.engine(1024);
  engine.add(greedy(ids, max_tokens, answer));
  while (engine.step()) {}
  return answer.tokens;
}

}  // namespace

TEST(Engine, ARequestGetsTheSameTokensInCompanyAsAlone) {
  Fixture f;
  Engine engine = f.engine(512, 12, 64);  // three at a time; the rest wait
  std::vector<Answer> answers(8);
  for (int i = 0; i < 8; ++i) engine.add(greedy(prompt(5 + 37 * i, i), 20 + i, answers[i]));
  while (engine.step()) {}
  for (int i = 0; i < 8; ++i) {
    EXPECT_EQ(answers[i].reason, FinishReason::length);
    EXPECT_EQ(answers[i].tokens, alone(f, prompt(5 + 37 * i, i), 20 + i)) << i;
  }
}

TEST(Engine, APromptThatContinuesAConversationComputesOnlyTheRest) {
  Fixture f;
  Engine engine = f.engine(1024);
  Answer first, second;
  std::vector<int> ids = prompt(200, 3);
  engine.add(greedy(ids, 10, first));
  while (engine.step()) {}
  ids.insert(ids.end(), first.tokens.begin(), first.tokens.end());
  ids.push_back(7);
  Request r = greedy(ids, 10, second);
  int before = -1;
  r.on_prefill = [&](int done, int) {
    if (before < 0) before = done;
  };
  engine.add(std::move(r));
  engine.step();
  EXPECT_EQ(before, 211);
  while (engine.step()) {}
  EXPECT_EQ(second.tokens, alone(f, ids, 10));
}

TEST(Engine, StopsWhereItIsTold) {
  Fixture f;
  const std::vector<int> tokens = alone(f, prompt(9, 1), 8);
  Answer stopped, refused, full;
  Engine engine = f.engine(64);
  Request r = greedy(prompt(9, 1), 8, stopped);
  r.sampling.stop_token_ids = {tokens[5]};
  engine.add(std::move(r));
  r = greedy(prompt(9, 1), 8, refused);
  r.on_token = [&](int, const Sampled& t) { return refused.tokens.push_back(t.id), refused.tokens.size() < 3; };
  engine.add(std::move(r));
  r = greedy(prompt(60, 1), 8, full);
  engine.add(std::move(r));
  while (engine.step()) {}
  EXPECT_EQ(stopped.reason, FinishReason::stop);
  EXPECT_LE(stopped.tokens.size(), 5u);
  EXPECT_EQ(refused.reason, FinishReason::cancelled);
  EXPECT_EQ(refused.tokens.size(), 3u);
  EXPECT_EQ(full.reason, FinishReason::length);
  EXPECT_EQ(full.tokens.size(), 4u);
}

TEST(Engine, ACallbackMayCancelAnySequence) {
  Fixture f;
  Engine engine = f.engine(512, 4);  // two at a time; the third waits
  std::vector<Answer> answers(3);
  std::vector<SeqId> ids;
  for (int i = 0; i < 3; ++i) {
    Request r = greedy(prompt(9, i), 20, answers[i]);
    if (i == 0) {
      r.on_token = [&](int, const Sampled& t) {
        answers[0].tokens.push_back(t.id);
        if (answers[0].tokens.size() == 3)
          for (const SeqId id : ids) engine.cancel(id);
        return true;
      };
    }
    ids.push_back(engine.add(std::move(r)));
  }
  while (engine.step()) {}
  for (const Answer& a : answers) EXPECT_EQ(a.reason, FinishReason::cancelled);
  EXPECT_EQ(answers[0].tokens.size(), 3u);
  Answer after;
  engine.add(greedy(prompt(9, 1), 5, after));
  while (engine.step()) {}
  EXPECT_EQ(after.tokens, alone(f, prompt(9, 1), 5));
}

TEST(Engine, RefusesWhatCanNotRun) {
  Fixture f;
  Engine engine = f.engine(64);
  Answer answer;
  EXPECT_THROW(engine.add(greedy({}, 1, answer)), Error);
  EXPECT_THROW(engine.add(greedy({320}, 1, answer)), Error);
  EXPECT_THROW(engine.add(greedy({-1}, 1, answer)), Error);
  EXPECT_THROW(engine.add(greedy(prompt(64, 1), 1, answer)), Error);
  EXPECT_FALSE(engine.step());
}

}  // namespace dure
