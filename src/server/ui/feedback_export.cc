#include "server/ui/feedback_export.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "base/json.h"

namespace dure {
namespace {

Json turn(std::string_view role, std::string content) {
  Json json = Json::object();
  json["role"] = role;
  json["content"] = std::move(content);
  return json;
}

Json turns(std::string_view role, const std::string& content) { return Json::array({turn(role, content)}); }

/// The files of a question before its text, as the page sends them (web/API.md).
std::string question_text(const StoredMessage& message) {
  std::string text;
  for (const MessageAttachment& file : message.attachments) {
    std::string name = file.name;
    for (char& c : name)
      if (c == '"' || c == '<' || c == '>' || c == '\n') c = '_';
    text += fmt::format("<file name=\"{}\">\n{}{}</file>\n\n", name, file.text, file.text.ends_with('\n') ? "" : "\n");
  }
  return text + message.content;
}

/// What led to the answer: the system message and the branch up to the question, without reasoning.
Json prompt_of(const JudgedAnswer& answer) {
  Json prompt = Json::array();
  const Json settings = parse_json(answer.settings, "stored JSON");
  if (const auto system = settings.find("system"); system != settings.end() && system->is_string() && *system != "")
    prompt.push_back(turn("system", system->get<std::string>()));
  for (size_t i = 0; i + 1 < answer.path.size(); ++i) {
    const StoredMessage& message = answer.path[i];
    if (message.role == "user") {
      prompt.push_back(turn("user", question_text(message)));
    } else if (!message.content.empty()) {
      prompt.push_back(turn("assistant", message.content));
    }
  }
  return prompt;
}

/// Where the line comes from; trainers skip it.
Json source_of(const JudgedAnswer& answer) {
  const StoredMessage& message = answer.path.back();
  Json source = Json::object();
  source["conversation"] = answer.conversation;
  source["message"] = message.id;
  source["model"] = message.model ? Json(*message.model) : Json(nullptr);
  source["params"] = message.params ? parse_json(*message.params, "stored JSON") : Json(nullptr);
  source["rating"] = message.feedback->rating;
  source["tags"] = message.feedback->tags;
  source["comment"] = message.feedback->comment;
  source["judged_at"] = message.feedback->updated_at;
  return source;
}

/// An answer that was cut off says little about the model; its correction still counts.
bool is_whole(const StoredMessage& message) { return message.status == "complete" && !message.content.empty(); }

}  // namespace

std::string feedback_lines(const JudgedAnswer& answer, FeedbackFormat format) {
  const StoredMessage& message = answer.path.back();
  const bool asked = answer.path.size() > 1 && answer.path[answer.path.size() - 2].role == "user";
  if (!asked) return "";
  const bool whole = is_whole(message), liked = message.feedback->rating == "up";
  const std::string& correction = message.feedback->correction;
  const bool corrected = !correction.empty() && correction != message.content;

  const Json prompt = prompt_of(answer), source = source_of(answer);
  std::string lines;
  const auto add = [&](Json line) {
    line["source"] = source;
    lines += dump_json(line) + "\n";
  };
  const auto complete = [&](const std::string& text, bool label) {
    Json line = Json::object();
    line["prompt"] = prompt;
    line["completion"] = turns("assistant", text);
    line["label"] = label;
    add(std::move(line));
  };
  const auto prefer = [&](const std::string& chosen, const std::string& rejected) {
    Json line = Json::object();
    line["prompt"] = prompt;
    line["chosen"] = turns("assistant", chosen);
    line["rejected"] = turns("assistant", rejected);
    add(std::move(line));
  };
  switch (format) {
    case FeedbackFormat::sft:
      if (corrected || (whole && liked)) {
        Json line = Json::object();
        line["messages"] = prompt;
        line["messages"].push_back(turn("assistant", corrected ? correction : message.content));
        add(std::move(line));
      }
      break;
    case FeedbackFormat::kto:
      if (whole) complete(message.content, liked);
      if (corrected) complete(correction, true);
      break;
    case FeedbackFormat::dpo:
      if (corrected && whole) prefer(correction, message.content);
      for (const StoredMessage& other : answer.others)  // each pair once, from its better side
        if (liked && whole && is_whole(other) && other.feedback->rating == "down" && other.content != message.content)
          prefer(message.content, other.content);
      break;
  }
  return lines;
}

HttpResponse export_feedback(ConversationStore& store, const HttpRequest& request) {
  const std::string_view name = request.query_value("format");
  const std::array names = {"sft", "kto", "dpo"};
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) throw bad_request("format: expected sft, kto or dpo", "format", "invalid_field");
  const auto format = static_cast<FeedbackFormat>(found - names.begin());

  std::string lines;
  store.for_each_judged([&](const JudgedAnswer& answer) { lines += feedback_lines(answer, format); });
  HttpResponse response = text_response(200, std::move(lines), "application/jsonl");
  response.headers.add("content-disposition", fmt::format("attachment; filename=\"dure-feedback-{}.jsonl\"", *found));
  return response;
}

}  // namespace dure
