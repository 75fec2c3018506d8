// Answers of a tiny random model that must keep to what a request asks of them.
#include "chat/answer_grammar.h"

#include <gtest/gtest.h>

#include <regex>

#include "base/json.h"
#include "chat/chat_service.h"
#include "chat/test_sink.h"

namespace dure {
namespace {

class AnswerGrammar : public testing::Test {
 protected:
  static ServiceOptions options() {
    ServiceOptions o;
    o.model.path = DURE_TESTS_DIR "/fixtures/models-serve/serve-tiny";
    o.model.device.threads = 1;
    o.engine.max_model_len = 2048;
    return o;
  }
  static ChatRequest ask(uint64_t seed) {
    ChatPrompt chat;
    chat.messages.push_back({{"role", "user"}, {"content", "Hello"}});
    ChatRequest r;
    r.prompt = std::move(chat);
    r.sampling.temperature = 1.5f;
    r.sampling.top_p = 1;
    r.sampling.seed = seed;
    r.sampling.max_tokens = 600;
    return r;
  }
  static ChatPrompt& chat(ChatRequest& r) { return std::get<ChatPrompt>(r.prompt); }
  static Json ping() {
    const Json nothing = {{"type", "object"}, {"properties", Json::object()}, {"additionalProperties", false}};
    return Json::array({{{"type", "function"}, {"function", {{"name", "ping"}, {"parameters", nothing}}}}});
  }
  std::shared_ptr<CollectedAnswer> run(ChatRequest r) {
    auto sink = std::make_shared<CollectedAnswer>();
    service.submit(std::move(r), sink);
    sink->wait();
    return sink;
  }

  ChatService service{options()};
};

TEST_F(AnswerGrammar, ARegularExpressionHolds) {
  for (uint64_t seed = 0; seed < 8; ++seed) {
    ChatRequest r = ask(seed);
    r.format = {ResponseFormat::Kind::regex, {}, "(yes|no), [0-9]{2,4}!"};
    r.sampling.ignore_eos = true;  // it ends all the same
    const auto answer = run(r);
    EXPECT_TRUE(std::regex_match(answer->text(), std::regex("(yes|no), [0-9]{2,4}!"))) << answer->text();
    EXPECT_EQ(answer->end().reason, FinishReason::stop);
  }
}

TEST_F(AnswerGrammar, AGrammarBeginsBehindTheThoughts) {
  ChatRequest r = ask(3);
  chat(r).messages.push_back({{"role", "assistant"}, {"content", ""}, {"reasoning_content", "Hm"}});
  chat(r).continue_last = true;
  chat(r).reasoning_budget = 5;
  r.format = {ResponseFormat::Kind::gbnf, {}, "root ::= \"a\" | \"b\" root"};
  const auto answer = run(r);
  EXPECT_FALSE(answer->reasoning().empty());
  EXPECT_TRUE(std::regex_match(answer->text(), std::regex("b*a"))) << answer->text();
}

/// A model that always wants a marker does not get it into a text: it would end the turn, or begin another.
TEST_F(AnswerGrammar, TextIsNotMadeOfMarkers) {
  for (const char* marker : {"<｜User｜>", "</think>", "<｜tool▁calls▁begin｜>"}) {
    ChatRequest r = ask(5);
    r.format = {ResponseFormat::Kind::regex, {}, "[\\s\\S]{10,20}"};
    r.sampling.logit_bias = {{*service.model().tokenizer().token_id(marker), 100.0f}};
    const auto answer = run(r);
    EXPECT_EQ(answer->text().find(marker), std::string::npos) << answer->text();
    EXPECT_GE(answer->text().size(), 10u);
  }
}

TEST_F(AnswerGrammar, OneCallIfNoMoreAreWanted) {
  for (const bool parallel : {false, true}) {
    ChatRequest r = ask(1);
    chat(r).tools = ping();
    chat(r).parallel_tool_calls = parallel;
    r.sampling.logit_bias = {{*service.model().tokenizer().token_id("<｜tool▁calls▁begin｜>"), 100.0f}};
    const auto answer = run(r);
    for (const auto& call : answer->calls()) EXPECT_EQ(call.name, "ping");
    if (parallel)
      EXPECT_GT(answer->calls().size(), 1u);
    else
      EXPECT_EQ(answer->calls().size(), 1u);
  }
}

TEST_F(AnswerGrammar, ARequiredToolIsCalled) {
  for (const bool parallel : {false, true}) {
    ChatRequest r = ask(1);
    chat(r).tools = ping();
    chat(r).tool_choice = {ToolChoice::Kind::required, {}};
    chat(r).parallel_tool_calls = parallel;
    const auto answer = run(r);
    EXPECT_TRUE(answer->end().called_tools);
    EXPECT_EQ(answer->text(), "");
    for (const auto& call : answer->calls()) {
      EXPECT_EQ(call.name, "ping");
      EXPECT_EQ(parse_json(call.arguments, "arguments"), Json::object());
      EXPECT_TRUE(call.id.starts_with("call_"));
    }
    EXPECT_EQ(parallel || answer->calls().size() == 1, true);
  }
}

TEST_F(AnswerGrammar, RefusesWhatItCannotKeep) {
  ChatRequest r = ask(0);
  r.format = {ResponseFormat::Kind::regex, {}, "(?=x)y"};
  try {
    run(r);
    FAIL();
  } catch (const RequestError& e) {
    EXPECT_EQ(e.param, "guided_regex");
  }
  r.format = {ResponseFormat::Kind::gbnf, {}, "root ::= other"};
  EXPECT_THROW(run(r), RequestError);
}

}  // namespace
}  // namespace dure
