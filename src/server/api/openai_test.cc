// Requests of OpenAI's clients against a tiny model, without a network.
#include "server/api/test_api.h"

namespace dure {
namespace {

using OpenAi = TestApi;

TEST_F(OpenAi, AStreamSaysWhatAWholeAnswerSays) {
  for (const char* path : {"/v1/chat/completions", "/v1/completions"}) {
    SCOPED_TRACE(path);
    const bool chats = std::string_view(path).find("chat") != std::string_view::npos;
    Json body = chats ? chat() : Json{{"prompt", "Hello"}, {"max_tokens", 8}, {"temperature", 0}, {"ignore_eos", true}};
    body["stream_options"] = {{"include_usage", true}};
    body["n"] = 2;
    body["seed"] = 1;
    body["temperature"] = 1;
    const Json whole = post(path, body);
    std::map<int, std::string> texts, reasons;
    Json usage;
    for (const Json& chunk : stream(path, body)) {
      EXPECT_EQ(chunk["model"], "tiny");
      if (chunk.contains("usage")) usage = chunk["usage"];
      for (const Json& c : chunk["choices"]) {
        const int i = c["index"];
        texts[i] += chats ? c["delta"].value("content", "") : c.value("text", "");
        if (!c["finish_reason"].is_null()) reasons[i] += c["finish_reason"].get<std::string>();
      }
    }
    for (int i = 0; i < 2; ++i) {
      const Json& choice = whole["choices"][static_cast<size_t>(i)];
      EXPECT_EQ(chats ? choice["message"]["content"] : choice["text"], texts[i]);
      EXPECT_EQ(choice["finish_reason"], reasons[i]);
    }
    EXPECT_EQ(usage["completion_tokens"], 16);
    EXPECT_EQ(usage["completion_tokens"], whole["usage"]["completion_tokens"]);
    EXPECT_EQ(usage["prompt_tokens"], whole["usage"]["prompt_tokens"]);
  }
}

TEST_F(OpenAi, RefusesWhatItCannotMean) {
  const std::pair<const char*, const char*> kCases[] = {
      {R"({"temperature": "hot"})", "temperature"},
      {R"({"temperature": -1})", "temperature"},
      {R"({"top_p": 2})", "top_p"},
      {R"({"max_tokens": 0})", "max_tokens"},
      {R"({"max_tokens": 1.5})", "max_tokens"},
      {R"({"n": 0})", "n"},
      {R"({"n": 9})", "n"},
      {R"({"stop": 5})", "stop"},
      {R"({"messages": "hi"})", "messages"},
      {R"({"messages": []})", "messages"},
      {R"({"messages": [{"role": "nobody", "content": "x"}]})", "messages[0].role"},
      {R"({"top_logprobs": 3})", "top_logprobs"},
      {R"({"logit_bias": {"x": 1}})", "logit_bias"},
      {R"({"logit_bias": {"1": 101}})", "logit_bias"},
      {R"({"tools": [{"type": "function"}]})", "tools[0].function"},
      {R"({"tools": [{"function": {"name": "a b"}}]})", "tools[0].function.name"},
      {R"({"tool_choice": "required"})", "tool_choice"},
      {R"({"reasoning_effort": "huge"})", "reasoning_effort"},
      {R"({"response_format": {"type": "json_schema"}})", "response_format.json_schema"},
      {R"({"stream_options": 1})", "stream_options"},
  };
  for (const auto& [fields, param] : kCases) {
    SCOPED_TRACE(fields);
    const Json error = post("/v1/chat/completions", chat(parse_json(fields, "case")), 400)["error"];
    EXPECT_EQ(error["param"], param) << error;
    EXPECT_EQ(error["type"], "invalid_request_error");
  }
  for (const char* body : {"", "[]", "{", R"({"messages": [)", "null"})
    EXPECT_EQ(ask("POST", "/v1/chat/completions", body).status, 400) << body;
  EXPECT_EQ(post("/v1/chat/completions", chat({{"model", "other"}}), 404)["error"]["code"], "model_not_found");
  std::string text;
  for (int i = 0; i < 600; ++i) text += "word ";
  const Json long_one = chat({{"messages", Json::array({{{"role", "user"}, {"content", text}}})}});
  EXPECT_EQ(post("/v1/chat/completions", long_one, 400)["error"]["code"], "context_length_exceeded");
}

TEST_F(OpenAi, ListsAndFindsModels) {
  const Json list = parse_json(ask("GET", "/v1/models").body, "list");
  EXPECT_EQ(list["data"][0]["id"], "tiny");
  EXPECT_EQ(ask("GET", "/v1/models/alias").status, 200);
  EXPECT_EQ(ask("GET", "/v1/models/none").status, 404);
  EXPECT_EQ(post("/v1/chat/completions", chat({{"model", "alias"}}))["model"], "tiny");
}

TEST_F(OpenAi, EchoesWithLogprobs) {
  const Json body = {{"prompt", "Once upon"}, {"echo", true}, {"logprobs", 2}, {"max_tokens", 3}, {"ignore_eos", true}};
  const Json choice = post("/v1/completions", body)["choices"][0];
  EXPECT_TRUE(choice["text"].get<std::string>().starts_with("Once upon"));
  const Json& logprobs = choice["logprobs"];
  const size_t tokens = logprobs["tokens"].size();
  EXPECT_GT(tokens, 4u);
  for (const char* key : {"token_logprobs", "top_logprobs", "text_offset"}) EXPECT_EQ(logprobs[key].size(), tokens);
  EXPECT_TRUE(logprobs["token_logprobs"][0].is_null());
  for (size_t i = 1; i < tokens; ++i) EXPECT_LE(logprobs["token_logprobs"][i].get<double>(), 0);
}

TEST_F(OpenAi, EmbedsInBothForms) {
  const Json one = post("/v1/embeddings", {{"input", "hello"}});
  const size_t width = one["data"][0]["embedding"].size();
  EXPECT_EQ(width, 96u);  // hidden_size
  const Json packed = post("/v1/embeddings", {{"input", {"hello", "x"}}, {"encoding_format", "base64"}});
  EXPECT_EQ(packed["data"][0]["embedding"].get<std::string>().size(), (width * 4 + 2) / 3 * 4);
  EXPECT_EQ(packed["data"].size(), 2u);
  EXPECT_EQ(post("/v1/embeddings", {{"input", "x"}, {"dimensions", 8}})["data"][0]["embedding"].size(), 8u);
  for (const Json& body : {Json::object(), Json{{"input", 5}}, Json{{"input", Json::array()}}, Json{{"input", ""}},
                           Json{{"input", {"x", ""}}}})
    post("/v1/embeddings", body, 400);
  const Json ranked = post("/v1/rerank", {{"query", "q"}, {"documents", {"a", "b", "c"}}, {"top_n", 2}});
  EXPECT_EQ(ranked["results"].size(), 2u);
  EXPECT_GE(ranked["results"][0]["relevance_score"], ranked["results"][1]["relevance_score"]);
}

TEST_F(OpenAi, TokensThereAndBack) {
  for (const char* text : {"Hello, world!", "안녕하세요 🙂", "  x ", ""}) {
    const Json tokens = post("/tokenize", {{"content", text}})["tokens"];
    EXPECT_EQ(post("/detokenize", {{"tokens", tokens}})["content"], text);
  }
  EXPECT_GT(post("/v1/chat/completions/input_tokens", chat())["input_tokens"], 1);
  EXPECT_NE(post("/apply-template", chat())["prompt"].get<std::string>().find("Hello"), std::string::npos);
}

TEST_F(OpenAi, CountsWhatItDoes) {
  post("/v1/chat/completions", chat());
  const Json status = parse_json(ask("GET", "/status").body, "status");
  EXPECT_EQ(status["requests"]["finished"], 1);
  EXPECT_EQ(status["slots"]["total"], 4);
  const std::string metrics = ask("GET", "/metrics").body;
  EXPECT_NE(metrics.find("dure:generation_tokens_total 8\n"), std::string::npos) << metrics;
  EXPECT_NE(metrics.find("dure:request_success_total{finished_reason=\"length\"} 1\n"), std::string::npos);
}

}  // namespace
}  // namespace dure
