#include "chat/answer_grammar.h"

#include <chrono>
#include <limits>
#include <list>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <utility>

#include "base/error.h"
#include "base/json.h"
#include "chat/markup_rule.h"
#include "chat/prepare.h"
#include "chat/reasoning_budget.h"
#include "chat/tool_grammar.h"
#include "sampling/grammar/grammar_matcher.h"
#include "text/added_tokens.h"

namespace dure {
namespace {

constexpr size_t kKept = 64;                        // grammars
constexpr std::chrono::milliseconds kPrepare{250};  // of the time to the first token, once for each grammar
constexpr std::chrono::milliseconds kPrepareJson{1000};

/// What an answer may be once its thoughts are over, and how it is told from one that is free.
struct AnswerShape {
  grammar::RulePtr rule = {};  // null: free
  std::string trigger = {};
  int trigger_token = -1;
  bool again = true;  // after a block of calls there may be text, and another block
};

/// What text is written in: a marker that a vocabulary does not call special is no text either.
std::shared_ptr<const TokenTrie> make_trie(const LoadedModel& model) {
  const Tokenizer& tokenizer = model.tokenizer();
  std::vector<std::string> tokens(static_cast<size_t>(tokenizer.vocab_size()));
  for (int id = 0; id < tokenizer.vocab_size(); ++id) tokens[static_cast<size_t>(id)] = tokenizer.token_bytes(id);
  for (const AddedToken& token : tokenizer.spec().added_tokens)
    if (is_control_token(token)) tokens[static_cast<size_t>(token.id)].clear();
  std::vector<int> ends = model.recommended().eos_token_ids;
  std::erase_if(ends, [&](int id) { return id >= tokenizer.vocab_size(); });
  return std::make_shared<TokenTrie>(tokens, std::move(ends));
}

grammar::RulePtr format_rule(const ResponseFormat& format) {
  const char* field = format.kind == ResponseFormat::Kind::gbnf    ? "grammar"
                      : format.kind == ResponseFormat::Kind::regex ? "guided_regex"
                                                                   : "response_format";
  try {
    switch (format.kind) {
      case ResponseFormat::Kind::text: return nullptr;
      case ResponseFormat::Kind::json_object: return grammar::json_object();
      case ResponseFormat::Kind::json_schema: return grammar::json_schema(format.schema);
      case ResponseFormat::Kind::gbnf: return grammar::gbnf(format.grammar);
      case ResponseFormat::Kind::regex: return grammar::regex(format.grammar);
    }
  } catch (const Error& e) {
    throw RequestError(e.what(), field, "unsupported_grammar");
  }
  return nullptr;
}

/// A text, of which the same shape is made again.
std::string key_of(const ChatRequest& request, const PreparedRequest& prepared) {
  std::string key = fmt::format("{}\n{}\n{}\n", static_cast<int>(request.format.kind), dump_json(request.format.schema),
                                request.format.grammar);
  if (const auto* chat = std::get_if<ChatPrompt>(&request.prompt); chat != nullptr && !prepared.rules.tools.empty()) {
    key += fmt::format("{}\n{}\n{}\n{}\n{}", dump_json(chat->tools), static_cast<int>(chat->tool_choice.kind),
                       fmt::join(chat->tool_choice.allowed, " "), chat->parallel_tool_calls,
                       static_cast<int>(prepared.rules.start));
  }
  return key;
}

}  // namespace

struct AnswerGrammars::Impl {
  explicit Impl(const LoadedModel& m)
      : model(m),
        end_of_thoughts(m.tokenizer().encode("</think>")),
        trie(make_trie(m)),
        json([t = trie] { GrammarMasks(grammar::compile(grammar::json_object()), t).prepare(kPrepareJson); }) {}

  AnswerShape shape_of(const ChatRequest& request, const PreparedRequest& prepared) const {
    AnswerShape shape{format_rule(request.format)};
    const auto* chat = std::get_if<ChatPrompt>(&request.prompt);
    if (chat == nullptr || prepared.rules.tools.empty()) return shape;
    ToolGrammar tools = tool_grammar(*prepared.rules.format, chat->tools, chat->tool_choice, chat->parallel_tool_calls,
                                     prepared.rules.start, model.tokenizer());
    if (tools.rule == nullptr) return shape;
    const bool automatic = !tools.trigger.empty();
    if (!automatic || shape.rule == nullptr)
      return {std::move(tools.rule), std::move(tools.trigger), tools.trigger_token, chat->parallel_tool_calls};
    // A text of the format, or calls.
    const grammar::RulePtr marker = markup_rule(*prepared.rules.format, tools.trigger, model.tokenizer());
    return {grammar::choice({shape.rule, grammar::sequence({marker, tools.rule})})};
  }

  struct Compiled {
    std::shared_ptr<GrammarMasks> masks;  // null: free
    AnswerShape shape;
  };

  /// Compiles, or finds what was compiled for an earlier request.
  Compiled compiled(const ChatRequest& request, const PreparedRequest& prepared) {
    const std::string key = key_of(request, prepared);
    {
      const std::lock_guard lock(mutex);
      if (const auto it = index.find(key); it != index.end()) {
        recent.splice(recent.begin(), recent, it->second);
        return it->second->second;
      }
    }
    Compiled c{nullptr, shape_of(request, prepared)};
    if (c.shape.rule != nullptr) {
      try {
        c.masks = std::make_shared<GrammarMasks>(grammar::compile(std::exchange(c.shape.rule, nullptr)), trie);
        c.masks->prepare(kPrepare);
      } catch (const Error& e) {
        throw RequestError(e.what(), prepared.rules.tools.empty() ? "response_format" : "tools", "unsupported_grammar");
      }
    }
    const std::lock_guard lock(mutex);
    if (index.contains(key)) return c;
    recent.emplace_front(key, c);
    index[key] = recent.begin();
    if (recent.size() > kKept) {
      index.erase(recent.back().first);
      recent.pop_back();
    }
    return c;
  }

  const LoadedModel& model;
  const std::vector<int> end_of_thoughts;
  const std::shared_ptr<const TokenTrie> trie;
  const std::jthread json;  // while nobody has asked yet: strings and numbers of JSON are in every schema's grammar

  std::mutex mutex;
  std::list<std::pair<std::string, Compiled>> recent;  // the one used last is the first
  std::unordered_map<std::string, decltype(recent)::iterator> index;
};

AnswerGrammars::AnswerGrammars(const LoadedModel& model) : impl_(std::make_unique<Impl>(model)) {}
AnswerGrammars::~AnswerGrammars() = default;

std::function<std::shared_ptr<TokenConstraint>(int)> AnswerGrammars::constraint(const ChatRequest& request,
                                                                                const PreparedRequest& prepared) const {
  const Impl::Compiled c = impl_->compiled(request, prepared);
  const auto* chat = std::get_if<ChatPrompt>(&request.prompt);
  const bool thinks = prepared.rules.start == AnswerStart::reasoning;
  const auto budget = thinks && chat != nullptr ? chat->reasoning_budget : std::nullopt;
  if (c.masks == nullptr && !budget) return nullptr;
  return [impl = impl_.get(), c, thinks, budget](int) -> std::shared_ptr<TokenConstraint> {
    const int vocab_size = impl->model.info().vocab_size;
    std::unique_ptr<TokenConstraint> matcher;
    if (c.masks != nullptr) {
      MatcherOptions options;
      if (c.shape.trigger_token < 0) options.trigger = c.shape.trigger;
      options.trigger_token = c.shape.trigger_token;
      options.free_after = !c.shape.trigger.empty() && c.shape.again;
      options.text_of = [impl](int id) { return impl->model.tokenizer().token_bytes(id); };
      options.tokenize = [impl](std::string_view text) {
        return impl->model.tokenizer().encode(text, {.parse_special = false});
      };
      matcher = std::make_unique<GrammarMatcher>(c.masks, vocab_size, std::move(options));
    }
    if (!thinks) return matcher;
    return std::make_shared<ReasoningBudget>(impl->end_of_thoughts, budget.value_or(std::numeric_limits<int>::max()),
                                             vocab_size, std::move(matcher));
  };
}

}  // namespace dure
