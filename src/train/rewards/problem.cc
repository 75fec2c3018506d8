#include "train/rewards/problem.h"

#include "base/error.h"
#include "base/json.h"
#include "base/json_lines.h"
#include "train/rewards/final_answer.h"

namespace dure {
namespace {

std::vector<Problem::Message> read_messages(const Json& list, const std::string& source) {
  require(list.is_array() && !list.empty(), "{}: field 'messages': expected a list", source);
  std::vector<Problem::Message> messages;
  for (const Json& message : list) {
    const Fields fields(message, source + ": messages");
    messages.push_back({fields.string("role"), fields.string("content")});
  }
  return messages;
}

int64_t whole_number(const Json& json, const char* field, const std::string& source) {
  require(json.is_number_integer(), "{}: field '{}': expected whole numbers", source, field);
  return json.get<int64_t>();
}

Problem read_problem(const Json& record, std::string_view kind, const std::string& source) {
  const Fields fields(record, source);
  Problem p;
  if (const Json* messages = fields.find("messages")) {
    p.messages = read_messages(*messages, source);
    if (p.messages.back().role == "assistant") {
      p.answer = p.messages.back().content;
      p.messages.pop_back();
    }
    require(!p.messages.empty() && p.messages.back().role == "user", "{}: field 'messages': nobody asks", source);
  } else {
    p.messages.push_back({"user", fields.string(fields.has("question") ? "question" : "prompt")});
  }
  p.kind = fields.string_or("kind", kind);
  require(is_checkable(p.kind), "{}: field 'kind': expected arithmetic, sum, gsm8k or countdown, found {}", source,
          quote(p.kind));
  p.language = fields.string_or("lang", "");
  if (fields.has("answer")) p.answer = fields.string("answer");
  if (p.kind == "countdown") {
    require(fields.has("numbers") && fields.has("target") && fields.find("numbers")->is_array(),
            "{}: a countdown has a list 'numbers' and a 'target'", source);
    for (const Json& number : *fields.find("numbers")) p.numbers.push_back(whole_number(number, "numbers", source));
    p.target = whole_number(*fields.find("target"), "target", source);
  } else {
    require(!numbers_in(final_answer(p.answer)).empty(), "{}: field 'answer': expected a number", source);
  }
  return p;
}

}  // namespace

std::vector<Problem> read_problems(const std::filesystem::path& path, std::string_view kind, size_t most) {
  std::vector<Problem> problems;
  for_each_json_line(path, [&](const Json& record, const std::string& source) {
    problems.push_back(read_problem(record, kind, source));
    return problems.size() != most;
  });
  require(!problems.empty(), "{}: no problems", path.string());
  return problems;
}

}  // namespace dure
