#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "chat/sampling_overrides.h"

namespace dure {

/// A request that a model cannot serve as it stands. `param` is the field at fault in the words of OpenAI's API, may be
/// empty; `code` is what clients test, such as context_length_exceeded.
class RequestError : public Error {
 public:
  RequestError(const std::string& message, std::string param, std::string code = "invalid_value")
      : Error(message), param(std::move(param)), code(std::move(code)) {}
  std::string param, code;
};

/// Which tools an answer may or must call.
struct ToolChoice {
  enum class Kind : uint8_t { automatic, none, required };
  Kind kind = Kind::automatic;
  std::vector<std::string> allowed = {};  ///< names; empty: all of the request's tools
};

/// The shape that an answer is held to.
struct ResponseFormat {
  enum class Kind : uint8_t { text, json_object, json_schema, gbnf, regex };
  Kind kind = Kind::text;
  Json schema = {};     ///< of json_schema
  std::string grammar;  ///< of gbnf and regex
};

/// A conversation, as OpenAI's chat completions have it.
struct ChatPrompt {
  Json messages = Json::array();  ///< [{role, content, tool_calls?, tool_call_id?, reasoning_content?}...]
  Json tools = {};                ///< [{type: "function", function: {...}}...], or null
  ToolChoice tool_choice = {};
  bool parallel_tool_calls = true;
  std::optional<bool> thinking = {};         ///< none: the model's template decides
  std::string reasoning_effort = {};         ///< high, max, ...; empty: not said
  Json template_arguments = Json::object();  ///< chat_template_kwargs: further names that the template sees
  std::optional<int> reasoning_budget = {};  ///< tokens of reasoning before it is closed
  bool continue_last = false;                ///< the last message is the answer so far, which goes on
};

/// Text to go on with, and perhaps what comes after the gap (fill in the middle).
struct TextPrompt {
  std::string text;
  std::optional<std::string> suffix = {};
};

/// What a client wants of one model, whichever protocol it spoke.
struct ChatRequest {
  std::variant<ChatPrompt, TextPrompt, std::vector<int>> prompt;
  std::string adapter = {};  ///< a LoRA adapter of the service, by its name; empty: the model itself
  ResponseFormat format = {};
  SamplingOverrides sampling = {};
  std::vector<std::string> stop = {};
  int n = 1;         ///< answers; answer i uses seed + i
  int priority = 0;  ///< lower goes first
  std::optional<std::chrono::steady_clock::time_point> deadline = {};
};

}  // namespace dure
