#include "chat/prepare.h"

#include "base/error.h"
#include "base/json.h"
#include "chat/answer_grammar.h"
#include "chat/infill.h"
#include "chat/prompt_messages.h"
#include "chat/replaying_renderer.h"

namespace dure {
namespace {

constexpr size_t kToolMemoryBytes = size_t{16} << 20;
constexpr std::chrono::seconds kToolMemoryAge{5};

bool says_thinking(const ChatPrompt& chat, bool wanted) {
  if (chat.thinking) return *chat.thinking == wanted;
  return !wanted && chat.reasoning_effort == "none";
}

/// Control tokens that are part of a format's markup: shown to the parser, never to readers.
std::vector<int> markers_of(const ToolFormat& format, const Tokenizer& tokenizer) {
  std::vector<int> ids;
  const auto add = [&](std::string_view text) {
    if (const auto id = tokenizer.token_id(text)) ids.push_back(*id);
  };
  for (const std::string_view text : {"<think>", "</think>"}) add(text);
  for (int id = 0; id < tokenizer.vocab_size(); ++id)
    if (tokenizer.is_special(id))
      for (const std::string_view text : tool_markup(format))
        if (text.find(tokenizer.token_bytes(id)) != text.npos && !tokenizer.token_bytes(id).empty()) {
          ids.push_back(id);
          break;
        }
  return ids;
}

std::vector<std::string> names_of(const Json& tools) {
  std::vector<std::string> names;
  for (const Json& tool : tools) names.push_back(tool["function"]["name"].get<std::string>());
  return names;
}

}  // namespace

struct RequestPreparer::Impl {
  Impl(const LoadedModel& m, bool memory, std::filesystem::path file)
      : model(m), calls(kToolMemoryBytes, std::move(file)), grammars(m) {
    if (m.renderer() == nullptr) return;
    style = tool_style(*m.renderer(), m.template_source());
    markers = markers_of(*style.format, m.tokenizer());
    if (memory) replaying = std::make_unique<ReplayingRenderer>(*m.renderer(), *style.format, calls);
  }

  /// Fills prompt, start of the answer and what may be called.
  void chat(const ChatPrompt& chat, PreparedRequest& out) const {
    if (model.renderer() == nullptr)
      throw RequestError("this model has no chat template; use /v1/completions", "messages", "no_chat_template");
    const bool offers = chat.tools.is_array() && !chat.tools.empty() && chat.tool_choice.kind != ToolChoice::Kind::none;
    Json messages = chat.messages;
    BegunAnswer begun;
    if (chat.continue_last && !messages.empty() && messages.back().value("role", "") == "assistant") {
      const Json last = messages.back();
      messages.erase(messages.size() - 1);
      const auto text = [&](const char* key) {
        const auto it = last.find(key);
        return it != last.end() && it->is_string() ? it->get<std::string>() : std::string();
      };
      begun = {text("reasoning_content"), text("content")};
    }
    PromptMessages said = prompt_messages(messages, offers ? chat.tools : Json(), style);

    Json context = chat.template_arguments.is_object() ? chat.template_arguments : Json::object();
    context["messages"] = std::move(said.messages);
    if (!said.tools.is_null()) context["tools"] = std::move(said.tools);
    context["add_generation_prompt"] = true;
    if (chat.thinking || chat.reasoning_effort == "none") {
      context["thinking"] = says_thinking(chat, true);
      context["enable_thinking"] = says_thinking(chat, true);
    }
    if (!chat.reasoning_effort.empty() && chat.reasoning_effort != "none")
      context["reasoning_effort"] = chat.reasoning_effort;

    calls.save(kToolMemoryAge);  // here, where nobody's answer waits for the disk
    const PromptRenderer& renderer = replaying ? *replaying : *model.renderer();
    RenderedPrompt prompt = model.render(renderer, std::move(context), says_thinking(chat, false), begun);
    out.prompt = std::move(prompt.ids);
    out.prompt_text = std::move(prompt.text);
    out.rules.format = offers ? style.format : &no_tool_format();
    out.rules.start = prompt.start(*out.rules.format);
    if (offers) out.rules.tools = names_of(chat.tools);
    out.rules.markers = markers;
  }

  void text(const TextPrompt& prompt, PreparedRequest& out) const {
    if (prompt.suffix) {
      out.prompt = infill_prompt(model.tokenizer(), prompt.text, *prompt.suffix);
      if (out.prompt.empty()) throw RequestError("this model was not trained to fill gaps", "suffix");
    } else {
      out.prompt = model.raw_prompt(prompt.text);
      out.rules.before = out.prompt;
    }
    out.prompt_text = prompt.text;
  }

  const LoadedModel& model;
  ToolStyle style{&no_tool_format(), {}};
  std::vector<int> markers;
  mutable ToolCallMemory calls;
  std::unique_ptr<ReplayingRenderer> replaying;
  AnswerGrammars grammars;
};

RequestPreparer::RequestPreparer(const LoadedModel& model, bool tool_memory, std::filesystem::path tool_file)
    : impl_(std::make_unique<Impl>(model, tool_memory, std::move(tool_file))) {}
RequestPreparer::~RequestPreparer() = default;

void RequestPreparer::remember_calls(const std::vector<std::string>& ids, const std::string& text) const {
  impl_->calls.remember(ids, text);
}

PreparedRequest RequestPreparer::prepare(const ChatRequest& request) const {
  PreparedRequest out;
  out.rules.format = &no_tool_format();
  out.rules.stop = request.stop;
  out.sampling = request.sampling.over(impl_->model.recommended());
  try {
    validate(out.sampling, impl_->model.info().vocab_size);
  } catch (const Error& e) {
    throw RequestError(e.what(), "");
  }
  if (const auto* chat = std::get_if<ChatPrompt>(&request.prompt)) {
    impl_->chat(*chat, out);
  } else {
    out.rules.plain = true;
    if (const auto* text = std::get_if<TextPrompt>(&request.prompt)) {
      impl_->text(*text, out);
    } else {
      out.prompt = std::get<std::vector<int>>(request.prompt);
      out.rules.before = out.prompt;
    }
  }
  out.constraint = impl_->grammars.constraint(request, out);
  return out;
}

}  // namespace dure
