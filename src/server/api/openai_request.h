#pragma once

#include <chrono>

#include "chat/chat_request.h"
#include "server/api/request_fields.h"

namespace dure {

struct ApiLimits {
  std::chrono::nanoseconds time{0};  ///< for an answer, from its request on; 0: none
  int choices = 8;
  size_t tools = 128, stop = 16, logit_bias = 4096, messages = 100'000;
};

/// How an answer is wanted, apart from what it says.
struct AnswerForm {
  std::string model;
  bool stream = false, usage = false;  ///< usage: in a chunk of its own
  bool progress = false, timings = false;
  bool logprobs = false;
};

struct OpenAiRequest {
  ChatRequest chat;
  AnswerForm form;
};

/// The fields that completions of every kind have: sampling, stop, n, priority, stream options.
void read_common(const RequestFields& body, const ApiLimits& limits, OpenAiRequest& out);
/// A body of POST /v1/chat/completions (OpenAI's, DeepSeek's, vLLM's and llama.cpp's fields). Throws HttpError 400.
OpenAiRequest read_chat_completion(const Json& body, const ApiLimits& limits);
/// response_format, or what llama.cpp calls grammar and json_schema.
ResponseFormat read_response_format(const RequestFields& body);
/// tools and tool_choice.
void read_tools(const RequestFields& body, const ApiLimits& limits, ChatPrompt& prompt);
/// thinking, reasoning_effort, chat_template_kwargs and their relatives.
void read_reasoning(const RequestFields& body, ChatPrompt& prompt);

}  // namespace dure
