// What clients of each protocol read, byte for byte, for an answer that comes in given pieces.
#include <gtest/gtest.h>

#include <regex>

#include "base/error.h"
#include "base/json.h"
#include "server/api/anthropic_answer.h"
#include "server/api/anthropic_request.h"
#include "server/api/ollama_answer.h"
#include "server/api/ollama_request.h"
#include "server/api/openai_answer.h"
#include "server/api/responses_answer.h"
#include "server/http/recorded_exchange.h"

namespace dure {
namespace {

using Kind = AnswerDelta::Kind;

/// The same for every run: ids and times are left out.
std::string normal(const std::string& text) {
  std::string out = std::regex_replace(text, std::regex("(chatcmpl-|msg_|resp_|rs_|fc_)[0-9A-Za-z]{24}"), "$1ID");
  out = std::regex_replace(out, std::regex(R"x("(created|created_at)":\d+)x"), R"("$1":0)");
  return std::regex_replace(out, std::regex(R"x("created_at":"[^"]*")x"), R"("created_at":"")");
}

std::shared_ptr<RecordedExchange> exchange(ErrorFormat errors = openai_error) {
  return std::make_shared<RecordedExchange>(HttpRequest{}, std::move(errors));
}

ModelLease lease() { return {.service = nullptr, .id = "m", .adapter = "", .load_seconds = 0}; }

AnswerPiece piece(std::vector<AnswerDelta> deltas, std::vector<std::string> ids = {}) {
  AnswerPiece p;
  p.deltas = std::move(deltas);
  p.call_ids = std::move(ids);
  p.sampled = 1;
  return p;
}

AnswerEnd end(FinishReason reason, bool called = false, std::string stop = "") {
  AnswerEnd e;
  e.reason = reason;
  e.called_tools = called;
  e.stop_string = std::move(stop);
  return e;
}

AnswerUsage usage() {
  AnswerUsage u;
  u.prompt_tokens = 7;
  u.cached_tokens = 4;
  u.completion_tokens = 5;
  u.reasoning_tokens = 2;
  u.prefill_seconds = 0.5;
  u.decode_seconds = 2;
  return u;
}

/// Thoughts, text with what JSON must escape, and a call.
void answer(ApiSink& sink) {
  sink.begin();
  sink.started(7, 4);
  sink.piece(0, piece({{Kind::reasoning, 0, "Hm"}}));
  sink.piece(0, piece({{Kind::reasoning, 0, "."}, {Kind::content, 0, "\"안녕\"\n"}}));
  sink.piece(0, piece({{Kind::call_begin, 0, "get"}, {Kind::call_arguments, 0, "{\"a\""}}, {"call_1"}));
  sink.piece(0, piece({{Kind::call_arguments, 0, ":1}"}, {Kind::call_end, 0, ""}}));
  sink.finished(0, end(FinishReason::stop, true));
  sink.done(usage());
}

OpenAiRequest request(bool stream, int n = 1) {
  OpenAiRequest r;
  r.form.stream = stream;
  r.form.usage = true;
  r.chat.n = n;
  return r;
}

constexpr const char* kUsage =
    R"("usage":{"prompt_tokens":7,"completion_tokens":5,"total_tokens":12,"prompt_tokens_details":{"cached_tokens":4},)"
    R"("completion_tokens_details":{"reasoning_tokens":2},"prompt_cache_hit_tokens":4,"prompt_cache_miss_tokens":3})";
constexpr const char* kTimings =
    R"("timings":{"cache_n":4,"prompt_n":3,"prompt_ms":500.0,"prompt_per_second":6.0,"predicted_n":5,)"
    R"("predicted_ms":2000.0,"predicted_per_second":2.0})";

TEST(ChatSink, StreamsChunks) {
  const auto x = exchange();
  answer(*make_chat_sink(x, lease(), request(true)));
  const std::string head =
      R"(data: {"id":"chatcmpl-ID","object":"chat.completion.chunk","created":0,"model":"m","system_fingerprint":"dure","choices":[)";
  const auto chunk = [&](const std::string& delta, const std::string& reason = "null", const std::string& more = "") {
    return head + R"({"index":0,"delta":)" + delta + R"(,"logprobs":null,"finish_reason":)" + reason + "}]" + more +
           "}\n\n";
  };
  EXPECT_EQ(
      normal(x->response().body),
      chunk(R"({"role":"assistant","content":""})") + chunk(R"({"reasoning_content":"Hm"})") +
          chunk(R"({"reasoning_content":"."})") + chunk(R"({"content":"\"안녕\"\n"})") +
          chunk(
              R"({"tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"get","arguments":""}}]})") +
          chunk(R"({"tool_calls":[{"index":0,"function":{"arguments":"{\"a\""}}]})") +
          chunk(R"({"tool_calls":[{"index":0,"function":{"arguments":":1}"}}]})") +
          chunk("{}", R"("tool_calls")", std::string(",") + kTimings) + head + "]," + kUsage + "," + kTimings +
          "}\n\n" + "data: [DONE]\n\n");
  EXPECT_TRUE(x->ended());
}

TEST(ChatSink, SendsTheWhole) {
  const auto x = exchange();
  answer(*make_chat_sink(x, lease(), request(false)));
  EXPECT_EQ(
      normal(x->response().body),
      std::string(
          R"({"id":"chatcmpl-ID","object":"chat.completion","created":0,"model":"m","system_fingerprint":"dure","choices":[{"index":0,)"
          R"("message":{"role":"assistant","content":"\"안녕\"\n","refusal":null,"reasoning_content":"Hm.","tool_calls":)"
          R"([{"id":"call_1","type":"function","function":{"name":"get","arguments":"{\"a\":1}"}}]},"logprobs":null,)"
          R"("finish_reason":"tool_calls"}],)") +
          kUsage + "," + kTimings + "}");
}

TEST(ChatSink, EndsEachChoiceOnce) {
  const auto x = exchange();
  const auto sink = make_chat_sink(x, lease(), request(true, 2));
  sink->begin();
  sink->started(7, 4);
  sink->finished(1, end(FinishReason::length));
  sink->finished(0, end(FinishReason::stop));
  sink->done(usage());
  const std::string body = x->response().body;
  EXPECT_NE(body.find(R"({"index":1,"delta":{},"logprobs":null,"finish_reason":"length"})"), body.npos);
  EXPECT_NE(body.find(R"({"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"})"), body.npos);
}

TEST(ChatSink, ErrorsBeforeAndAfterTheFirstByte) {
  const auto error = std::make_exception_ptr(RequestError("no", "messages"));
  constexpr const char* kError =
      R"({"error":{"message":"no","type":"invalid_request_error","param":"messages","code":"invalid_value"}})";
  auto x = exchange();
  make_chat_sink(x, lease(), request(true))->failed(error);
  EXPECT_EQ(x->response().status, 400);
  EXPECT_EQ(x->response().body, kError);
  x = exchange();
  const auto sink = make_chat_sink(x, lease(), request(true));
  sink->begin();
  sink->failed(error);
  EXPECT_EQ(x->response().status, 200);
  EXPECT_EQ(x->response().body, std::string("data: ") + kError + "\n\n");
  EXPECT_TRUE(x->ended());
}

TEST(ChatSink, LogprobsComeWithTheirText) {
  OpenAiRequest r = request(true);
  r.form.logprobs = true;
  const auto x = exchange();
  const auto sink = make_chat_sink(x, lease(), r);
  AnswerPiece p = piece({{Kind::content, 0, "a"}});
  p.tokens.push_back({{"a", "a", -0.5f}, {{"a", "a", -0.5f}}, false});
  sink->piece(0, p);
  EXPECT_NE(
      x->response().body.find(
          R"({"content":"a"},"logprobs":{"content":[{"token":"a","logprob":-0.5,"bytes":[97],"top_logprobs":[{"token":"a","logprob":-0.5,"bytes":[97]}]}],"refusal":null})"),
      std::string::npos)
      << x->response().body;
}

TEST(AnthropicSink, StreamsEvents) {
  const auto x = exchange(anthropic_error);
  answer(*make_anthropic_sink(x, lease(), request(true).form));
  const auto event = [](const std::string& type, const std::string& rest) {
    return "event: " + type + "\ndata: {\"type\":\"" + type + "\"" + rest + "}\n\n";
  };
  const auto delta = [&](int index, const std::string& json) {
    return event("content_block_delta", ",\"index\":" + std::to_string(index) + ",\"delta\":" + json);
  };
  const auto start = [&](int index, const std::string& json) {
    return event("content_block_start", ",\"index\":" + std::to_string(index) + ",\"content_block\":" + json);
  };
  const auto stop = [&](int index) { return event("content_block_stop", ",\"index\":" + std::to_string(index)); };
  EXPECT_EQ(
      normal(x->response().body),
      event(
          "message_start",
          R"(,"message":{"id":"msg_ID","type":"message","role":"assistant","model":"m","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":3,"cache_creation_input_tokens":0,"cache_read_input_tokens":4,"output_tokens":0}})") +
          start(0, R"({"type":"thinking","thinking":"","signature":""})") +
          delta(0, R"({"type":"thinking_delta","thinking":"Hm"})") +
          delta(0, R"({"type":"thinking_delta","thinking":"."})") +
          delta(0, R"({"type":"signature_delta","signature":""})") + stop(0) +
          start(1, R"({"type":"text","text":""})") + delta(1, R"({"type":"text_delta","text":"\"안녕\"\n"})") +
          stop(1) + start(2, R"({"type":"tool_use","id":"call_1","name":"get","input":{}})") +
          delta(2, R"({"type":"input_json_delta","partial_json":"{\"a\""})") +
          delta(2, R"({"type":"input_json_delta","partial_json":":1}"})") + stop(2) +
          event(
              "message_delta",
              R"(,"delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"input_tokens":3,"cache_creation_input_tokens":0,"cache_read_input_tokens":4,"output_tokens":5})") +
          event("message_stop", ""));
}

TEST(AnthropicSink, SendsTheWhole) {
  const auto x = exchange(anthropic_error);
  answer(*make_anthropic_sink(x, lease(), request(false).form));
  EXPECT_EQ(
      normal(x->response().body),
      R"({"id":"msg_ID","type":"message","role":"assistant","model":"m","content":[)"
      R"({"type":"thinking","thinking":"Hm.","signature":""},{"type":"text","text":"\"안녕\"\n"},)"
      R"({"type":"tool_use","id":"call_1","name":"get","input":{"a":1}}],"stop_reason":"tool_use","stop_sequence":null,)"
      R"("usage":{"input_tokens":3,"cache_creation_input_tokens":0,"cache_read_input_tokens":4,"output_tokens":5}})");
}

TEST(AnthropicSink, NamesWhyItStopped) {
  const std::pair<AnswerEnd, const char*> cases[] = {
      {end(FinishReason::stop), R"("stop_reason":"end_turn","stop_sequence":null)"},
      {end(FinishReason::length), R"("stop_reason":"max_tokens","stop_sequence":null)"},
      {end(FinishReason::stop, false, "END"), R"("stop_reason":"stop_sequence","stop_sequence":"END")"}};
  for (const auto& [how, expected] : cases) {
    const auto x = exchange(anthropic_error);
    const auto sink = make_anthropic_sink(x, lease(), request(false).form);
    sink->finished(0, how);
    sink->done(usage());
    EXPECT_NE(x->response().body.find(expected), std::string::npos) << x->response().body;
  }
}

TEST(AnthropicSink, ErrorsHaveItsOwnForm) {
  auto x = exchange(anthropic_error);
  x->send_error(HttpError(503, "server_error", "overloaded", "busy"));
  EXPECT_EQ(x->response().status, 529);
  EXPECT_EQ(x->response().body, R"({"type":"error","error":{"type":"overloaded_error","message":"busy"}})");
  x = exchange(anthropic_error);
  const auto sink = make_anthropic_sink(x, lease(), request(true).form);
  sink->begin();
  sink->failed(std::make_exception_ptr(RequestError("no", "messages")));
  EXPECT_EQ(
      x->response().body,
      "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"message\":\"no\"}}\n\n");
}

ResponsesRequest response_request(bool stream, bool summaries = false) {
  ResponsesRequest r;
  r.form.stream = stream;
  r.messages = Json::array({{{"role", "user"}, {"content", "Hi"}}});
  r.echo = {{"store", true}};
  r.summaries = summaries;
  return r;
}

/// The events of a stream of Responses, checked for their order.
std::vector<Json> response_events(const std::string& body) {
  std::vector<Json> events;
  for (size_t at = 0; at < body.size();) {
    const size_t end = body.find("\n\n", at), data = body.find("\ndata: ", at);
    const Json json = parse_json(std::string_view(body).substr(data + 7, end - data - 7), "event");
    EXPECT_EQ("event: " + json["type"].get<std::string>(), body.substr(at, data - at));
    EXPECT_EQ(json["sequence_number"], events.size());
    events.push_back(json);
    at = end + 2;
  }
  return events;
}

TEST(ResponseSink, StreamsEvents) {
  ResponsesStore store;
  const auto x = exchange();
  answer(*make_response_sink(x, lease(), response_request(true), store));
  const std::string body = normal(x->response().body);
  const std::vector<Json> events = response_events(body);
  std::vector<std::string> types;
  for (const Json& e : events) types.push_back(e["type"]);
  const std::string t = "response.";
  EXPECT_EQ(types, (std::vector<std::string>{t + "created",
                                             t + "in_progress",
                                             t + "output_item.added",
                                             t + "content_part.added",
                                             t + "reasoning_text.delta",
                                             t + "reasoning_text.delta",
                                             t + "reasoning_text.done",
                                             t + "content_part.done",
                                             t + "output_item.done",
                                             t + "output_item.added",
                                             t + "content_part.added",
                                             t + "output_text.delta",
                                             t + "output_text.done",
                                             t + "content_part.done",
                                             t + "output_item.done",
                                             t + "output_item.added",
                                             t + "function_call_arguments.delta",
                                             t + "function_call_arguments.delta",
                                             t + "function_call_arguments.done",
                                             t + "output_item.done",
                                             t + "completed"}));
  EXPECT_NE(
      body.find(
          R"({"type":"response.output_text.delta","sequence_number":11,"item_id":"msg_ID_1","output_index":1,"content_index":0,"logprobs":[],"delta":"\"안녕\"\n"})"),
      body.npos)
      << body;
  const Json& output = events.back()["response"]["output"];
  EXPECT_EQ(dump_json(output[0]["content"]), R"([{"type":"reasoning_text","text":"Hm."}])");
  EXPECT_EQ(
      dump_json(output[2]),
      R"({"id":"fc_ID_2","type":"function_call","status":"completed","call_id":"call_1","name":"get","arguments":"{\"a\":1}"})");
  EXPECT_EQ(dump_json(events.back()["response"]["usage"]),
            R"({"input_tokens":7,"input_tokens_details":{"cached_tokens":4},"output_tokens":5,)"
            R"("output_tokens_details":{"reasoning_tokens":2},"total_tokens":12})");
}

TEST(ResponseSink, ShowsThoughtsAsSummariesWhenAsked) {
  ResponsesStore store;
  const auto x = exchange();
  answer(*make_response_sink(x, lease(), response_request(true, true), store));
  const std::vector<Json> events = response_events(x->response().body);
  EXPECT_EQ(events[3]["type"], "response.reasoning_summary_part.added");
  EXPECT_EQ(events[4]["summary_index"], 0);
  EXPECT_EQ(dump_json(events.back()["response"]["output"][0]["summary"]), R"([{"type":"summary_text","text":"Hm."}])");
}

TEST(ResponseSink, AMessageStandsWhereNothingWasSaid) {
  ResponsesStore store;
  const auto x = exchange();
  const auto sink = make_response_sink(x, lease(), response_request(false), store);
  sink->started(7, 4);
  sink->finished(0, end(FinishReason::length));
  sink->done(usage());
  const Json json = parse_json(x->response().body, "response");
  EXPECT_EQ(json["status"], "incomplete");
  EXPECT_EQ(json["incomplete_details"]["reason"], "max_output_tokens");
  EXPECT_EQ(json["output"][0]["content"][0]["text"], "");
}

TEST(ResponseSink, KeepsTheConversationUnlessToldNotTo) {
  for (const bool keep : {true, false}) {
    ResponsesStore store;
    ResponsesRequest r = response_request(false);
    r.store = keep;
    const auto x = exchange();
    answer(*make_response_sink(x, lease(), r, store));
    const auto kept = store.find(parse_json(x->response().body, "response")["id"]);
    ASSERT_EQ(kept.has_value(), keep);
    if (!keep) continue;
    EXPECT_EQ(dump_json((*kept)[1]),
              R"({"role":"assistant","content":"\"안녕\"\n","reasoning_content":"Hm.","tool_calls":[{"id":"call_1",)"
              R"("type":"function","function":{"name":"get","arguments":"{\"a\":1}"}}]})");
  }
}

TEST(ResponsesStore, ForgetsWhatWasUsedLongestAgo) {
  ResponsesStore store(10);
  store.keep("a", Json::array({1}));
  store.keep("b", Json::array({2}));
  EXPECT_TRUE(store.find("a"));
  store.keep("c", Json::array({3, 4}));
  EXPECT_TRUE(store.find("a"));
  EXPECT_FALSE(store.find("b"));
  store.keep("d", Json::array({"longer than all of it"}));
  EXPECT_FALSE(store.find("d"));
  EXPECT_TRUE(store.find("c"));
}

TEST(OllamaSink, StreamsLines) {
  const auto x = exchange(ollama_error);
  answer(*make_ollama_sink(x, lease(), OllamaKind::chat, true));
  const auto line = [](const std::string& rest) { return R"({"model":"m","created_at":"","done":)" + rest + "}\n"; };
  EXPECT_EQ(
      normal(x->response().body),
      line(R"(false,"message":{"role":"assistant","content":"","thinking":"Hm"})") +
          line(R"(false,"message":{"role":"assistant","content":"","thinking":"."})") +
          line(R"(false,"message":{"role":"assistant","content":"\"안녕\"\n"})") +
          line(
              R"(false,"message":{"role":"assistant","content":"","tool_calls":[{"id":"call_1","function":{"index":0,"name":"get","arguments":{"a":1}}}]})") +
          line(
              R"(true,"message":{"role":"assistant","content":""},"done_reason":"stop","total_duration":2500000000,"load_duration":0,"prompt_eval_count":7,"prompt_eval_duration":500000000,"eval_count":5,"eval_duration":2000000000)"));
}

TEST(OllamaSink, SendsTheWhole) {
  const auto x = exchange(ollama_error);
  answer(*make_ollama_sink(x, lease(), OllamaKind::generate, false));
  const Json json = parse_json(x->response().body, "answer");
  EXPECT_EQ(json["response"], "\"안녕\"\n");
  EXPECT_EQ(json["thinking"], "Hm.");
  EXPECT_EQ(json["tool_calls"][0]["function"]["arguments"]["a"], 1);
  EXPECT_EQ(rfc3339(1795388092), "2026-11-22T22:54:52Z");
}

}  // namespace
}  // namespace dure
