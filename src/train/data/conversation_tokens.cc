#include "train/data/conversation_tokens.h"

#include "base/error.h"
#include "base/json.h"

namespace dure {
namespace {

/// Moves reasoning that stands in the content to where templates look for it.
Json with_reasoning(Json message) {
  constexpr std::string_view kBegin = "<think>", kEnd = "</think>";
  require(message.is_object() && message.contains("role") && message["role"].is_string(),
          "a message has no field 'role'");
  if (message["role"] != "assistant" || message.contains("reasoning_content") || !message.contains("content") ||
      !message["content"].is_string())
    return message;
  const std::string content = message["content"].get<std::string>();
  const size_t end = content.find(kEnd);
  if (!content.starts_with(kBegin) || end == content.npos) return message;
  message["reasoning_content"] = content.substr(kBegin.size(), end - kBegin.size());
  message["content"] = content.substr(end + kEnd.size());
  return message;
}

std::string text_of(const std::vector<Segment>& segments) {
  std::string text;
  for (const Segment& segment : segments) text += segment.text;
  return text;
}

/// The segments from byte `begin` on.
std::vector<Segment> tail(const std::vector<Segment>& segments, size_t begin) {
  std::vector<Segment> out;
  for (const Segment& segment : segments) {
    const size_t skipped = std::min(begin, segment.text.size());
    begin -= skipped;
    if (skipped < segment.text.size()) out.push_back({segment.text.substr(skipped), segment.trusted});
  }
  return out;
}

/// What a template reads, without messages yet.
Json make_context(const Tokenizer& tokenizer) {
  Json context = {{"messages", Json::array()}};
  for (const auto& [name, text] : tokenizer.spec().special_tokens) context[name] = text;
  return context;
}

void append(TokenizedDocument& document, const std::vector<int>& ids, bool learned) {
  document.ids.insert(document.ids.end(), ids.begin(), ids.end());
  document.learned.insert(document.learned.end(), ids.size(), learned);
}

}  // namespace

std::vector<TokenizedDocument> conversation_tokens(const Json& messages, const PromptRenderer& renderer,
                                                   const Tokenizer& tokenizer) {
  require(messages.is_array(), "expected a list of messages");
  Json context = make_context(tokenizer);
  std::vector<TokenizedDocument> documents;
  std::string so_far;  // the text of the last document
  for (const Json& given : messages) {
    const Json message = with_reasoning(given);
    if (message["role"] == "assistant") {
      const bool thinks = message.contains("reasoning_content") && message["reasoning_content"].is_string() &&
                          !message["reasoning_content"].get_ref<const std::string&>().empty();
      context["thinking"] = context["enable_thinking"] = thinks;
      context["add_generation_prompt"] = true;
      const std::vector<Segment> prompt = renderer.render_segments(context);
      context["messages"].push_back(message);
      context["add_generation_prompt"] = false;
      const std::vector<Segment> whole = renderer.render_segments(context);

      const std::string prompt_text = text_of(prompt), whole_text = text_of(whole);
      require(whole_text.starts_with(prompt_text) && whole_text.size() > prompt_text.size(),
              "the chat template does not write answer {} after its own prompt", context["messages"].size() - 1);
      if (documents.empty() || !prompt_text.starts_with(so_far)) {
        documents.emplace_back();
        so_far.clear();
      }
      append(documents.back(), tokenizer.encode(tail(prompt, so_far.size())), false);
      append(documents.back(), tokenizer.encode(tail(whole, prompt_text.size())), true);
      so_far = whole_text;
    } else {
      context["messages"].push_back(message);
    }
  }
  require(!documents.empty(), "no message of an assistant");
  return documents;
}

std::vector<int> prompt_tokens(const Json& messages, bool thinking, const PromptRenderer& renderer,
                               const Tokenizer& tokenizer) {
  Json context = make_context(tokenizer);
  context["messages"] = messages;
  context["thinking"] = context["enable_thinking"] = thinking;
  context["add_generation_prompt"] = true;
  return tokenizer.encode(renderer.render_segments(context));
}

}  // namespace dure
