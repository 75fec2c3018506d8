#include "chat/chat_service.h"

#include <gtest/gtest.h>

#include <thread>

#include "base/error.h"
#include "chat/test_sink.h"

namespace dure {
namespace {

ServiceOptions tiny() {
  ServiceOptions o;
  o.model.path = DURE_TESTS_DIR "/fixtures/models-serve/serve-tiny";
  o.model.device.threads = 2;
  o.engine.max_model_len = 2048;
  o.engine.cache_bytes = 8 << 20;
  o.engine.max_num_seqs = 4;
  o.engine.max_num_waiting = 4;
  return o;
}

ChatRequest ask(const std::string& text, int max_tokens = 16) {
  ChatPrompt chat;
  chat.messages.push_back({{"role", "user"}, {"content", text}});
  chat.thinking = false;
  ChatRequest r;
  r.prompt = std::move(chat);
  r.sampling.temperature = 0;
  r.sampling.max_tokens = max_tokens;
  r.sampling.ignore_eos = true;
  return r;
}

std::shared_ptr<CollectedAnswer> run(ChatService& service, ChatRequest request) {
  auto sink = std::make_shared<CollectedAnswer>();
  service.submit(std::move(request), sink);
  sink->wait();
  return sink;
}

TEST(ChatService, AnswersManyAtOnceAsItAnswersOne) {
  ChatService service(tiny());
  const std::string alone = run(service, ask("one"))->text();
  EXPECT_FALSE(alone.empty());
  std::vector<std::shared_ptr<CollectedAnswer>> sinks;
  for (int i = 0; i < 8; ++i) {
    sinks.push_back(std::make_shared<CollectedAnswer>());
    service.submit(ask(i % 2 == 0 ? "one" : "two " + std::to_string(i)), sinks.back());
  }
  for (size_t i = 0; i < sinks.size(); ++i) {
    sinks[i]->wait();
    ASSERT_EQ(sinks[i]->error(), nullptr);
    EXPECT_EQ(sinks[i]->end().reason, FinishReason::length);
    EXPECT_EQ(sinks[i]->usage().completion_tokens, 16);
    if (i % 2 == 0) {
      EXPECT_EQ(sinks[i]->text(), alone);
    }
  }
}

TEST(ChatService, RefusesMoreThanItsQueueHolds) {
  ChatService service(tiny());
  std::vector<std::shared_ptr<CollectedAnswer>> sinks;
  const auto submit = [&] {
    sinks.push_back(std::make_shared<CollectedAnswer>());
    return service.submit(ask("long", 512), sinks.back());
  };
  std::vector<Ticket> tickets;
  for (int i = 0; i < 8; ++i) tickets.push_back(submit());
  EXPECT_THROW(submit(), QueueFull);
  sinks.pop_back();
  for (Ticket& t : tickets) t.cancel();
  for (const auto& s : sinks) {
    s->wait();
    EXPECT_EQ(s->end().reason, FinishReason::cancelled);
  }
  EXPECT_EQ(run(service, ask("again"))->end().reason, FinishReason::length);
}

TEST(ChatService, StopStringsAndLogprobsAgreeWithTheText) {
  ChatService service(tiny());
  const std::string text = run(service, ask("x", 24))->text();
  ASSERT_GT(text.size(), 8u);
  ChatRequest r = ask("x", 24);
  const std::string stop = text.substr(text.size() / 2, 2);
  r.stop = {stop};
  r.sampling.logprobs = 2;
  const auto sink = run(service, std::move(r));
  EXPECT_EQ(sink->text(), text.substr(0, text.find(stop)));
  EXPECT_EQ(sink->end().reason, FinishReason::stop);
  EXPECT_EQ(sink->end().stop_string, stop);
  for (const TokenDetail& d : sink->tokens()) EXPECT_EQ(d.top.size(), 2u);
}

TEST(ChatService, ChoicesUseTheirOwnSeeds) {
  ChatService service(tiny());
  ChatRequest r = ask("x");
  r.sampling.temperature = 1;
  r.sampling.seed = 5;
  r.n = 3;
  const auto all = run(service, r);
  ASSERT_EQ(all->choices(), 3u);
  EXPECT_NE(all->text(), all->text(1));
  for (int i = 0; i < 3; ++i) {
    r.n = 1;
    r.sampling.seed = 5 + static_cast<uint64_t>(i);
    EXPECT_EQ(run(service, r)->text(), all->text(i));
  }
}

TEST(ChatService, ThoughtsEndWithinTheirBudget) {
  ChatService service(tiny());
  ChatRequest r = ask("x", 64);
  auto& chat = std::get<ChatPrompt>(r.prompt);
  chat.thinking = true;
  chat.reasoning_budget = 10;
  chat.messages.push_back({{"role", "assistant"}, {"content", ""}, {"reasoning_content", "Hm"}});
  chat.continue_last = true;
  const auto sink = run(service, r);
  EXPECT_FALSE(sink->text().empty());
  EXPECT_FALSE(sink->reasoning().empty());
  EXPECT_LE(sink->usage().reasoning_tokens, 12);
}

TEST(ChatService, NamesTheFieldAtFault) {
  ChatService service(tiny());
  const auto param = [&](const ChatRequest& r) {
    try {
      service.submit(r, std::make_shared<CollectedAnswer>());
    } catch (const RequestError& e) {
      return e.param + " " + e.code;
    }
    return std::string("nothing");
  };
  std::string text;
  for (int i = 0; i < 3000; ++i) text += "word ";
  EXPECT_EQ(param(ask(text)), "messages context_length_exceeded");
  ChatRequest other = ask("x");
  other.adapter = "none";
  EXPECT_EQ(param(other), "model model_not_found");
}

TEST(ChatService, MeasuresTexts) {
  ChatService service(tiny());
  const std::vector<int> ids = service.model().raw_prompt("Hello there, how are you?");
  const std::vector<float> e = service.embed(ids);
  double length = 0;
  for (const float x : e) length += double{x} * x;
  EXPECT_NEAR(length, 1, 1e-5);
  EXPECT_EQ(service.score(ids, 3).size(), ids.size() - 1);
  for (const double p : service.rerank("a", {"b", "c"})) {
    EXPECT_GT(p, 0);
    EXPECT_LT(p, 1);
  }
}

TEST(ChatService, MayBeLetGoByItsOwnThread) {
  // As by a server's sinks, which keep their model loaded.
  struct Holder : CollectedAnswer {
    std::shared_ptr<ChatService> service = std::make_shared<ChatService>(tiny());
  };
  for (const int tokens : {1, 200}) {
    auto sink = std::make_shared<Holder>();
    const std::weak_ptr<ChatService> service = sink->service;
    sink->service->submit(ask("one", tokens), sink);
    sink.reset();
    for (int i = 0; i < 6000 && !service.expired(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    EXPECT_TRUE(service.expired());
  }
}

TEST(ChatService, LeavesWhileAnswersRun) {
  auto sink = std::make_shared<CollectedAnswer>();
  {
    ChatService service(tiny());
    service.submit(ask("x", 1000), sink);
  }
  sink->wait();
  EXPECT_NE(sink->error(), nullptr);
}

}  // namespace
}  // namespace dure
