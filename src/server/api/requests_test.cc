// Bodies of requests in every protocol: what they mean, and which field is named where they mean nothing.
#include <gtest/gtest.h>

#include <functional>

#include "base/error.h"
#include "base/json.h"
#include "server/api/anthropic_request.h"
#include "server/api/completion_request.h"
#include "server/api/ollama_request.h"
#include "server/api/responses_request.h"
#include "server/api/responses_store.h"

namespace dure {
namespace {

const ApiLimits kLimits;

OpenAiRequest chat(const Json& body) { return read_chat_completion(body, kLimits); }
OpenAiRequest anthropic(const Json& body) { return read_anthropic_message(body, kLimits); }
CompletionRequest completion(const Json& body) { return read_completion(body, kLimits); }
ResponsesRequest response(const Json& body) {
  ResponsesStore store;
  return read_response_request(body, kLimits, store);
}
OllamaRequest ollama(const Json& body) { return read_ollama_chat(body, kLimits); }

const ChatPrompt& prompt(const OpenAiRequest& r) { return std::get<ChatPrompt>(r.chat.prompt); }

/// The body with one more field, or another value in it.
Json with(Json body, const char* text) {
  body.update(parse_json(text, "case"));
  return body;
}
Json parse(const char* text) { return parse_json(text, "case"); }

const Json kChat = parse(R"({"messages":[{"role":"user","content":"x"}]})");
const Json kMessage = parse(R"({"max_tokens":9,"messages":[{"role":"user","content":"x"}]})");
const Json kInput = parse(R"({"input":"x"})");
const Json kPrompt = parse(R"({"prompt":"x"})");
const Json kTool = parse(R"({"tools":[{"type":"function","function":{"name":"f"}}]})");

struct Bad {
  std::function<void(const Json&)> read;
  Json base;
  const char* more;
  const char* param;
};

TEST(Requests, NameTheFieldAtFault) {
  const Bad cases[] = {
      {chat, {}, R"({"messages":null})", "messages"},
      {chat, {}, R"({"messages":[]})", "messages"},
      {chat, {}, R"({"messages":"hi"})", "messages"},
      {chat, {}, R"({"messages":[5]})", "messages[0]"},
      {chat, {}, R"({"messages":[{"role":3}]})", "messages[0].role"},
      {chat, kChat, R"({"temperature":"hot"})", "temperature"},
      {chat, kChat, R"({"temperature":-1})", "temperature"},
      {chat, kChat, R"({"temperature":1e300})", "temperature"},
      {chat, kChat, R"({"top_p":2})", "top_p"},
      {chat, kChat, R"({"n":0})", "n"},
      {chat, kChat, R"({"n":9})", "n"},
      {chat, kChat, R"({"n":1.5})", "n"},
      {chat, kChat, R"({"max_tokens":-5})", "max_tokens"},
      {chat, kChat, R"({"max_tokens":99999999999})", "max_tokens"},
      {chat, kChat, R"({"stop":5})", "stop"},
      {chat, kChat, R"({"stop":[1]})", "stop"},
      {chat, kChat, R"({"stop":["a","b","c","d","e","f","g","h","i","j","k","l","m","n","o","p","q"]})", "stop"},
      {chat, kChat, R"({"logit_bias":{"x":1}})", "logit_bias"},
      {chat, kChat, R"({"logit_bias":{"1":101}})", "logit_bias"},
      {chat, kChat, R"({"top_logprobs":3})", "top_logprobs"},
      {chat, kChat, R"({"modalities":["text","audio"]})", "modalities"},
      {chat, kChat, R"({"logprobs":true,"top_logprobs":21})", "top_logprobs"},
      {chat, kChat, R"({"stop_token_ids":[-1]})", "stop_token_ids"},
      {chat, kChat, R"({"reasoning_effort":"huge"})", "reasoning_effort"},
      {chat, kChat, R"({"thinking":{"type":"maybe"}})", "thinking.type"},
      {chat, kChat, R"({"response_format":{"type":"yaml"}})", "response_format.type"},
      {chat, kChat, R"({"response_format":{"type":"json_schema"}})", "response_format.json_schema"},
      {chat, kChat, R"({"tools":[{"type":"function","function":{}}]})", "tools[0].function.name"},
      {chat, kChat, R"({"tools":[{"type":"function","function":{"name":"a b"}}]})", "tools[0].function.name"},
      {chat, kChat, R"({"tools":[{"type":"web_search"}]})", "tools[0].type"},
      {chat, kChat, R"({"tool_choice":"required"})", "tool_choice"},
      {chat, with(kChat, dump_json(kTool).c_str()), R"({"tool_choice":{"type":"function","function":{"name":"g"}}})",
       "tool_choice"},
      {completion, {}, R"({"max_tokens":1})", "prompt"},
      {completion, {}, R"({"prompt":[]})", "prompt"},
      {completion, {}, R"({"prompt":[1,"x"]})", "prompt"},
      {completion, {}, R"({"prompt":[[]]})", "prompt"},
      {completion, {}, R"({"prompt":[1,99999999999]})", "prompt"},
      {completion, kPrompt, R"({"best_of":2})", "best_of"},
      {completion, kPrompt, R"({"max_tokens":0})", "max_tokens"},
      {response, {}, R"({"model":"m"})", "input"},
      {response, {}, R"({"input":5})", "input"},
      {response, {}, R"({"input":[{"type":"nope"}]})", "input[0].type"},
      {response, {}, R"({"input":[{"role":"nobody","content":"x"}]})", "input[0].role"},
      {response, {}, R"({"input":[{"role":"user","content":[{"type":"input_image"}]}]})", "input[0].content[0]"},
      {response, kInput, R"({"tools":[{"type":"web_search"}]})", "tools[0].type"},
      {response, kInput, R"({"previous_response_id":"resp_none"})", "previous_response_id"},
      {response, kInput, R"({"background":true})", "background"},
      {response, kInput, R"({"conversation":"conv_1"})", "conversation"},
      {anthropic, {}, R"({"messages":[{"role":"user","content":"x"}]})", "max_tokens"},
      {anthropic, kMessage, R"({"messages":[]})", "messages"},
      {anthropic, kMessage, R"({"messages":"x"})", "messages"},
      {anthropic, kMessage, R"({"messages":[{"role":"tool","content":"x"}]})", "messages[0].role"},
      {anthropic, kMessage, R"({"messages":[{"role":"user"}]})", "messages[0].content"},
      {anthropic, kMessage, R"({"messages":[{"role":"user","content":[{"type":"image"}]}]})", "messages[0].content[0]"},
      {anthropic, kMessage, R"({"messages":[{"role":"user","content":[{"type":"tool_use"}]}]})",
       "messages[0].content[0]"},
      {anthropic, kMessage, R"({"tools":[{"type":"bash_20250124","name":"bash"}]})", "tools[0].type"},
      {anthropic, kMessage, R"({"tool_choice":{"type":"any"}})", "tool_choice"},
      {anthropic, kMessage, R"({"tool_choice":{"type":"some"}})", "tool_choice.type"},
      {ollama, kChat, R"({"format":"yaml"})", "format"},
      {ollama, kChat, R"({"options":{"num_predict":"x"}})", "options.num_predict"},
      {ollama, {}, R"({"messages":[{"role":"user","content":"x","images":["aGk="]}]})", "messages[0].images"},
  };
  for (const Bad& c : cases) {
    SCOPED_TRACE(c.more);
    try {
      c.read(with(c.base.is_null() ? Json::object() : c.base, c.more));
      ADD_FAILURE() << "accepted";
    } catch (const HttpError& e) {
      EXPECT_EQ(e.status, 400);
      EXPECT_EQ(e.param, c.param) << e.what();
    }
  }
}

TEST(Requests, NullsAndUnknownFieldsAreIgnored) {
  const char* more =
      R"({"stop":null,"tools":null,"logit_bias":null,"n":null,"temperature":null,"response_format":null,"user":"u",
          "metadata":{"k":"v"},"store":false,"service_tier":"auto","verbosity":"low","some_future_field":{"a":[1]}})";
  chat(with(kChat, more));
  anthropic(with(kMessage, R"({"metadata":{},"service_tier":"auto","container":null,"thinking":null,"tools":null})"));
  response(with(kInput, R"({"text":null,"tools":null,"reasoning":null,"include":null,"truncation":"auto"})"));
  completion(with(kPrompt, R"({"suffix":null,"logprobs":null,"stop":null})"));
  ollama(with(kChat, R"({"options":null,"format":null,"tools":null,"keep_alive":"5m","think":null})"));
}

TEST(Requests, SamplingFieldsOfEveryDialect) {
  const OpenAiRequest r = chat(
      with(kChat, R"({"temperature":0,"top_p":0.5,"top_k":-1,"min_p":0.05,"repeat_penalty":1.1,"seed":-3,"max_tokens":9,
      "max_completion_tokens":5.0,"stop":"x","logit_bias":{"7":-100},"n":2,"ignore_eos":true,"min_tokens":8})"));
  const SamplingOverrides& s = r.chat.sampling;
  EXPECT_EQ(s.temperature, 0);
  EXPECT_EQ(s.top_k, -1);
  EXPECT_FLOAT_EQ(*s.repetition_penalty, 1.1f);
  EXPECT_EQ(s.max_tokens, 5);
  EXPECT_EQ(s.min_tokens, 5);
  EXPECT_EQ(s.seed, static_cast<uint64_t>(-3));
  EXPECT_EQ(r.chat.stop, std::vector<std::string>{"x"});
  EXPECT_EQ(s.logit_bias.front(), (std::pair<int, float>(7, -100)));
  const OllamaRequest o = ollama(with(
      kChat, R"({"options":{"num_predict":4,"repeat_penalty":1.1,"num_ctx":4096,"stop":["a","b"]},"think":false})"));
  EXPECT_EQ(o.chat.sampling.max_tokens, 4);
  EXPECT_EQ(o.chat.stop.size(), 2u);
  EXPECT_TRUE(o.form.stream);
  EXPECT_EQ(prompt(o).thinking, false);
}

TEST(Requests, ThinkingInEverySpelling) {
  const std::pair<const char*, std::optional<bool>> cases[] = {
      {"{}", std::nullopt},
      {R"({"thinking":{"type":"disabled"}})", false},
      {R"({"thinking":{"type":"enabled"}})", true},
      {R"({"chat_template_kwargs":{"enable_thinking":false}})", false},
      {R"({"chat_template_kwargs":{"thinking":true}})", true},
      {R"({"reasoning_effort":"none"})", false},
      {R"({"think":false})", false},
      {R"({"enable_thinking":true})", true}};
  for (const auto& [more, expected] : cases) EXPECT_EQ(prompt(chat(with(kChat, more))).thinking, expected) << more;
  EXPECT_EQ(prompt(chat(with(kChat, R"({"reasoning_effort":"low"})"))).reasoning_effort, "high");
  EXPECT_EQ(prompt(chat(with(kChat, R"({"reasoning_effort":"xhigh"})"))).reasoning_effort, "max");
  EXPECT_EQ(
      prompt(anthropic(with(kMessage, R"({"thinking":{"type":"enabled","budget_tokens":1024}})"))).reasoning_budget,
      1024);
}

TEST(Requests, AnthropicMessagesBecomeThoseOfAChat) {
  const OpenAiRequest r = anthropic(parse(R"({"max_tokens":5,"system":[{"type":"text","text":"S"}],"messages":[
      {"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]},
      {"role":"assistant","content":[{"type":"thinking","thinking":"t","signature":""},{"type":"text","text":"c"},
        {"type":"tool_use","id":"i","name":"f","input":{"x":1}}]},
      {"role":"user","content":[{"type":"tool_result","tool_use_id":"i","is_error":true,"content":[{"type":"text","text":"r"}]},
        {"type":"text","text":"d"}]}],
      "tools":[{"name":"f","input_schema":{"type":"object"}}],"tool_choice":{"type":"tool","name":"f"}})"));
  EXPECT_EQ(dump_json(prompt(r).messages),
            R"([{"role":"system","content":"S"},{"role":"user","content":"a\nb"},)"
            R"({"role":"assistant","content":"c","reasoning_content":"t","tool_calls":[{"id":"i","type":"function",)"
            R"("function":{"name":"f","arguments":"{\"x\":1}"}}]},)"
            R"({"role":"tool","tool_call_id":"i","content":"Error: r"},{"role":"user","content":"d"}])");
  EXPECT_EQ(prompt(r).tool_choice.kind, ToolChoice::Kind::required);
  EXPECT_EQ(prompt(r).tool_choice.allowed, std::vector<std::string>{"f"});
  EXPECT_FALSE(prompt(r).continue_last);
  EXPECT_TRUE(prompt(anthropic(with(kMessage, R"({"messages":[{"role":"assistant","content":"I"}]})"))).continue_last);
}

TEST(Requests, ResponseItemsBecomeThoseOfAChat) {
  const ResponsesRequest r = response(parse(R"({"instructions":"I","input":[
      {"role":"developer","content":"D"},
      {"type":"message","role":"user","content":[{"type":"input_text","text":"a"}]},
      {"type":"reasoning","id":"rs","summary":[],"content":[{"type":"reasoning_text","text":"t"}]},
      {"type":"message","role":"assistant","content":[{"type":"output_text","text":"b"}]},
      {"type":"function_call","call_id":"c1","name":"f","arguments":"{}"},
      {"type":"function_call","call_id":"c2","name":"f","arguments":"{}"},
      {"type":"function_call_output","call_id":"c1","output":"o"}],
      "tools":[{"type":"function","name":"f","parameters":{"type":"object"}}],"tool_choice":{"type":"function","name":"f"},
      "text":{"format":{"type":"json_schema","name":"n","schema":{"type":"boolean"}}},"max_output_tokens":3})"));
  EXPECT_EQ(dump_json(prompt(r).messages),
            R"([{"role":"system","content":"I"},{"role":"developer","content":"D"},)"
            R"({"role":"user","content":[{"type":"text","text":"a"}]},)"
            R"({"role":"assistant","content":[{"type":"text","text":"b"}],"reasoning_content":"t","tool_calls":[)"
            R"({"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}},)"
            R"({"id":"c2","type":"function","function":{"name":"f","arguments":"{}"}}]},)"
            R"({"role":"tool","tool_call_id":"c1","content":"o"}])");
  EXPECT_EQ(r.chat.sampling.max_tokens, 3);
  EXPECT_EQ(r.chat.format.kind, ResponseFormat::Kind::json_schema);
  EXPECT_EQ(prompt(r).tool_choice.allowed, std::vector<std::string>{"f"});
}

TEST(Requests, PreviousResponsesAreGoneOnFrom) {
  ResponsesStore store;
  store.keep("resp_1", parse(R"([{"role":"user","content":"a"},{"role":"assistant","content":"b"}])"));
  const ResponsesRequest r = read_response_request(
      parse(R"({"previous_response_id":"resp_1","input":"c","instructions":"I"})"), kLimits, store);
  EXPECT_EQ(prompt(r).messages.size(), 4u);
  EXPECT_EQ(r.messages.size(), 3u);  // instructions are not handed on
}

TEST(Requests, PromptsOfCompletions) {
  EXPECT_EQ(completion(kPrompt).prompts.size(), 1u);
  EXPECT_EQ(*completion(kPrompt).prompts[0].sampling.max_tokens, 16);
  EXPECT_EQ(completion(parse(R"({"prompt":["a","b"]})")).prompts.size(), 2u);
  EXPECT_EQ(std::get<std::vector<int>>(completion(parse(R"({"prompt":[1,2]})")).prompts[0].prompt).size(), 2u);
  EXPECT_EQ(completion(parse(R"({"prompt":[[1,2],[3]]})")).prompts.size(), 2u);
  EXPECT_EQ(std::get<TextPrompt>(completion(parse(R"({"prompt":"a","suffix":"b"})")).prompts[0].prompt).suffix, "b");
  EXPECT_TRUE(completion(parse(R"({"prompt":"a","echo":true,"max_tokens":0})")).nothing);
}

TEST(Requests, TheLastMessageMayGoOn) {
  const char* last = R"({"messages":[{"role":"user","content":"x"},{"role":"assistant","content":"y","prefix":true}]})";
  EXPECT_TRUE(prompt(chat(parse(last))).continue_last);
  EXPECT_TRUE(prompt(chat(with(kChat, R"({"continue_final_message":true})"))).continue_last);
  EXPECT_FALSE(prompt(chat(kChat)).continue_last);
}

}  // namespace
}  // namespace dure
