#include "train/align/preferences.h"

#include "base/error.h"
#include "base/json.h"
#include "base/json_lines.h"
#include "train/data/conversation_tokens.h"

namespace dure {
namespace {

/// A text as a message of a role, or the messages themselves.
Json messages_of(const Fields& record, const char* key, const char* role) {
  const Json* given = record.find(key);
  require(given != nullptr, "{}: field '{}' is missing", record.source(), key);
  if (given->is_string()) return Json::array({{{"role", role}, {"content", *given}}});
  if (given->is_object()) return Json::array({*given});
  require(given->is_array() && !given->empty(), "{}: field '{}': expected a text, or a list of messages",
          record.source(), key);
  return *given;
}

/// Of the conversation its last answer is learned.
TokenizedDocument document_of(Json messages, const Json& answer, const PromptRenderer& renderer,
                              const Tokenizer& tokenizer, const std::string& source) {
  require(answer.size() == 1 && answer[0].is_object() && answer[0].value("role", "") == "assistant",
          "{}: expected answers of one message, by an assistant", source);
  messages.push_back(answer[0]);
  try {
    TokenizedDocument d = conversation_tokens(messages, renderer, tokenizer).back();
    size_t begin = d.learned.size();
    while (begin > 0 && d.learned[begin - 1]) --begin;
    std::fill(d.learned.begin(), d.learned.begin() + static_cast<std::ptrdiff_t>(begin), false);
    return d;
  } catch (const Error& e) {
    fail("{}: {}", source, e.what());
  }
}

}  // namespace

std::vector<PreferencePair> read_preferences(const std::filesystem::path& path, const PromptRenderer& renderer,
                                             const Tokenizer& tokenizer) {
  std::vector<PreferencePair> pairs;
  for_each_json_line(path, [&](const Json& json, const std::string& source) {
    const Fields record(json, source);
    const Json prompt = messages_of(record, "prompt", "user");
    const auto document = [&](const char* key) {
      return document_of(prompt, messages_of(record, key, "assistant"), renderer, tokenizer, source);
    };
    pairs.push_back({document("chosen"), document("rejected")});
    return true;
  });
  require(!pairs.empty(), "{}: no preferences", path.string());
  return pairs;
}

}  // namespace dure
