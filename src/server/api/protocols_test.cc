// Requests of Anthropic's, Ollama's and Responses' clients against a tiny model, and what all endpoints have in common.
#include <future>

#include "base/error.h"
#include "server/api/test_api.h"

namespace dure {
namespace {

using Protocols = TestApi;

Json message(const char* text = "Hello") {
  return {{"max_tokens", 8}, {"temperature", 0}, {"messages", Json::array({{{"role", "user"}, {"content", text}}})}};
}

TEST_F(Protocols, AllSayTheSame) {
  const std::string text =
      post("/v1/chat/completions", chat({{"ignore_eos", false}}))["choices"][0]["message"]["content"];
  const Json anthropic = post("/v1/messages", message());
  EXPECT_EQ(anthropic["content"][0]["text"], text);
  EXPECT_EQ(anthropic["stop_reason"], "max_tokens");
  const Json response = post("/v1/responses", {{"input", "Hello"}, {"temperature", 0}, {"max_output_tokens", 8}});
  EXPECT_EQ(response["output"][0]["content"][0]["text"], text);
  EXPECT_EQ(response["status"], "incomplete");
  const Json ollama = post(
      "/api/chat",
      {{"messages", message()["messages"]}, {"stream", false}, {"options", {{"temperature", 0}, {"num_predict", 8}}}});
  EXPECT_EQ(ollama["message"]["content"], text);
  EXPECT_EQ(ollama["done_reason"], "length");
  const Json generated = post(
      "/api/generate", {{"prompt", "Hello"}, {"stream", false}, {"options", {{"temperature", 0}, {"num_predict", 8}}}});
  EXPECT_EQ(generated["response"], text);
}

TEST_F(Protocols, AllCountTheSame) {
  const Json tokens = post("/v1/chat/completions/input_tokens", chat())["input_tokens"];
  EXPECT_EQ(post("/v1/messages/count_tokens", {{"messages", message()["messages"]}})["input_tokens"], tokens);
  EXPECT_EQ(post("/v1/responses/input_tokens", {{"input", "Hello"}})["input_tokens"], tokens);
  EXPECT_EQ(post("/tokenize", {{"messages", message()["messages"]}})["count"], tokens);
  EXPECT_EQ(post("/v1/chat/completions", chat())["usage"]["prompt_tokens"], tokens);
}

TEST_F(Protocols, ResponsesGoOnFromEarlierOnes) {
  const Json first = post("/v1/responses", {{"input", "Remember 42"}, {"max_output_tokens", 4}});
  const Json body = {{"input", "What?"}, {"max_output_tokens", 4}, {"previous_response_id", first["id"]}};
  EXPECT_GT(post("/v1/responses", body)["usage"]["input_tokens"].get<int>(),
            first["usage"]["input_tokens"].get<int>() + 4);
  const Json forgotten = post("/v1/responses", {{"input", "x"}, {"max_output_tokens", 1}, {"store", false}});
  const Json refused = post("/v1/responses", {{"input", "x"}, {"previous_response_id", forgotten["id"]}}, 400);
  EXPECT_EQ(refused["error"]["code"], "previous_response_not_found");
}

TEST_F(Protocols, ErrorsAreThoseOfTheirClients) {
  EXPECT_EQ(post("/v1/messages", {{"messages", "x"}}, 400)["type"], "error");
  Json unknown = message();
  unknown["model"] = "none";
  EXPECT_EQ(post("/v1/messages", unknown, 404)["error"]["type"], "not_found_error");
  EXPECT_TRUE(post("/api/chat", {{"model", "none"}, {"messages", message()["messages"]}}, 404)["error"].is_string());
  EXPECT_EQ(post("/v1/responses", {{"model", "none"}, {"input", "x"}}, 404)["error"]["code"], "model_not_found");
}

TEST_F(Protocols, OllamaListsLoadsAndUnloads) {
  EXPECT_EQ(post("/api/generate", {{"model", "tiny:latest"}})["done_reason"], "load");
  const Json listed = parse_json(ask("GET", "/api/tags").body, "tags");
  EXPECT_EQ(listed["models"][0]["name"], "tiny");
  EXPECT_EQ(parse_json(ask("GET", "/api/ps").body, "ps")["models"].size(), 1u);
  EXPECT_GT(post("/api/show", {{"model", "tiny"}})["model_info"]["deepseek_v3.context_length"].get<int>(), 0);
  EXPECT_EQ(post("/api/embed", {{"model", "tiny"}, {"input", {"a", "b"}}})["embeddings"].size(), 2u);
  EXPECT_EQ(post("/api/generate", {{"model", "tiny"}, {"keep_alive", 0}})["done_reason"], "unload");
  EXPECT_TRUE(parse_json(ask("GET", "/api/ps").body, "ps")["models"].empty());
  post("/api/show", {{"model", "none"}}, 404);
}

TEST_F(Protocols, EveryEndpointIsDescribed) {
  const Json document = parse_json(ask("GET", "/openapi.json").body, "openapi");
  EXPECT_EQ(document["openapi"], "3.1.0");
  size_t operations = 0;
  for (const auto& [path, methods] : document["paths"].items())
    for (const auto& [method, operation] : methods.items()) {
      ++operations;
      EXPECT_FALSE(operation["summary"].get<std::string>().empty()) << path;
      EXPECT_EQ(operation.contains("requestBody"), method == "post") << path;
    }
  EXPECT_EQ(operations, all_endpoints().size());
  EXPECT_TRUE(document["paths"].contains("/v1/models/{id}"));
}

TEST_F(Protocols, PathsOfOtherServersWork) {
  for (const char* path : {"/chat/completions", "/beta/chat/completions"}) post(path, chat());
  for (const char* path : {"/rerank", "/v1/reranking"}) post(path, {{"query", "q"}, {"documents", {"a"}}});
  post("/anthropic/v1/messages", message());
  for (const char* path : {"/models", "/v1/models/alias", "/health"}) EXPECT_EQ(ask("GET", path).status, 200) << path;
}

TEST_F(Protocols, SeveralPromptsAreOneAnswer) {
  const Json body = {{"prompt", {"a b", "c d"}}, {"n", 2}, {"max_tokens", 2}, {"temperature", 0}};
  const Json answer = post("/v1/completions", body);
  ASSERT_EQ(answer["choices"].size(), 4u);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(answer["choices"][static_cast<size_t>(i)]["index"], i);
  std::vector<std::string> texts(4);
  for (const Json& event : stream("/v1/completions", body))
    for (const Json& choice : event["choices"]) texts[choice["index"].get<size_t>()] += choice["text"];
  for (size_t i = 0; i < 4; ++i) EXPECT_EQ(answer["choices"][i]["text"], texts[i]);
  // More than may wait: none of them is answered.
  Json many = body;
  for (int i = 0; i < 9; ++i) many["prompt"].push_back("x");
  many["max_tokens"] = 100;
  EXPECT_EQ(post("/v1/completions", many, 503)["error"]["code"], "overloaded");
}

/// A model that is loaded when the test wishes, and how it wishes.
class Loading : public TestApi {
 protected:
  using Gate = std::promise<bool>;  // whether it can be loaded
  explicit Loading(std::shared_ptr<Gate> gate = std::make_shared<Gate>()) : TestApi(slow(*gate)), gate_(gate) {}

  static ModelPoolOptions slow(Gate& gate) {
    ModelPoolOptions o = options();
    o.service.model.load.progress = [open = gate.get_future().share()](int64_t, int64_t) {
      require(open.get(), "weights are missing");
    };
    return o;
  }
  std::shared_ptr<RecordedExchange> ask_for_chat() { return begin("POST", "/v1/chat/completions", dump_json(chat())); }

  /// The answers to as many requests as may wait, one of which loads the model.
  std::vector<HttpResponse> answers(bool can_be_loaded) {
    auto loader = std::async(std::launch::async, [&] { return finish(ask_for_chat()); });
    while (pool_.ready()) std::this_thread::yield();
    std::vector<std::shared_ptr<RecordedExchange>> waiting;
    for (int i = 0; i < 4; ++i) waiting.push_back(ask_for_chat());
    EXPECT_EQ(parse_json(finish(ask_for_chat()).body, "refusal")["error"]["code"], "overloaded");
    EXPECT_EQ(ask("GET", "/health").status, 503);
    for (const auto& w : waiting) EXPECT_FALSE(w->ended());
    gate_->set_value(can_be_loaded);
    std::vector<HttpResponse> answers{loader.get()};
    for (const auto& w : waiting) answers.push_back(finish(w));
    return answers;
  }

  std::shared_ptr<Gate> gate_;
};

TEST_F(Loading, RequestsWaitForTheirModel) {
  for (const HttpResponse& r : answers(true)) EXPECT_EQ(r.status, 200) << r.body;
}

TEST_F(Loading, StreamsSayThatTheServerLives) {
  auto loader = std::async(std::launch::async, [&] { return finish(ask_for_chat()); });
  while (pool_.ready()) std::this_thread::yield();
  struct Case {
    const char *path, *body, *said, *before_error;
  };
  std::vector<std::shared_ptr<RecordedExchange>> waiting;
  for (const Case& c :
       {Case{"/v1/chat/completions", R"({"messages":[{"role":"user","content":"a"}],"max_tokens":2,"stream":true})",
             ": keep-alive\n\n", "data: "},
        Case{"/v1/responses", R"({"input":"a","max_output_tokens":2,"stream":true})", ": keep-alive\n\n", "data: "},
        Case{"/v1/messages", R"({"messages":[{"role":"user","content":"a"}],"max_tokens":2,"stream":true})",
             ": keep-alive\n\n", "event: error\ndata: "},
        Case{"/api/generate", R"({"model":"tiny","prompt":"a","options":{"num_predict":2}})", " ", ""}}) {
    waiting.push_back(begin("POST", c.path, c.body));
    const WaitingForm form = waiting.back()->waiting();
    EXPECT_EQ(form.bytes, c.said) << c.path;
    EXPECT_EQ(form.before, c.before_error) << c.path;
    EXPECT_TRUE(form.tells_errors) << c.path;
  }
  gate_->set_value(true);
  EXPECT_EQ(loader.get().status, 200);
  for (const auto& w : waiting) EXPECT_EQ(finish(w).status, 200);
}

TEST_F(Loading, WhoWaitsHearsThatItFailed) {
  for (const HttpResponse& r : answers(false)) {
    EXPECT_EQ(r.status, 500);
    EXPECT_EQ(parse_json(r.body, "error")["error"]["code"], "model_failed");
  }
}

TEST_F(Protocols, WhatCannotBeginInTimeIsRefused) {
  context_.limits.time = std::chrono::nanoseconds(1);
  for (const char* path : {"/v1/chat/completions", "/v1/completions"}) {
    Json body = chat();
    body["prompt"] = "Hello";
    EXPECT_EQ(post(path, body, 503)["error"]["code"], "timeout") << path;
  }
}

TEST_F(Protocols, PromptsCanBeScoredAlone) {
  const Json choice = post("/v1/completions",
                           {{"prompt", "Once upon"}, {"echo", true}, {"logprobs", 1}, {"max_tokens", 0}})["choices"][0];
  EXPECT_EQ(choice["text"], "Once upon");
  std::string text;
  for (const Json& token : choice["logprobs"]["tokens"]) text += token;
  EXPECT_EQ(text, "Once upon");
}

}  // namespace
}  // namespace dure
