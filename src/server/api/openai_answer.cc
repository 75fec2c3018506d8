#include "server/api/openai_answer.h"

namespace dure {
namespace {

Json token_json(const TokenText& t) {
  Json bytes = Json::array();
  for (const char c : t.bytes) bytes.push_back(static_cast<unsigned char>(c));
  return {{"token", t.text}, {"logprob", t.logprob}, {"bytes", std::move(bytes)}};
}

}  // namespace

const char* openai_finish_reason(const AnswerEnd& end) {
  if (end.reason == FinishReason::length) return "length";
  if (end.reason == FinishReason::stop && end.called_tools) return "tool_calls";
  if (end.reason == FinishReason::deadline) return "length";
  return "stop";
}

Json openai_usage(const AnswerUsage& u) {
  return {{"prompt_tokens", u.prompt_tokens},
          {"completion_tokens", u.completion_tokens},
          {"total_tokens", u.prompt_tokens + u.completion_tokens},
          {"prompt_tokens_details", {{"cached_tokens", u.cached_tokens}}},
          {"completion_tokens_details", {{"reasoning_tokens", u.reasoning_tokens}}},
          {"prompt_cache_hit_tokens", u.cached_tokens},
          {"prompt_cache_miss_tokens", u.prompt_tokens - u.cached_tokens}};
}

Json answer_timings(const AnswerUsage& u) {
  return {{"cache_n", u.cached_tokens},
          {"prompt_n", u.prompt_tokens - u.cached_tokens},
          {"prompt_ms", u.prefill_seconds * 1e3},
          {"prompt_per_second", u.prefill_rate()},
          {"predicted_n", u.completion_tokens},
          {"predicted_ms", u.decode_seconds * 1e3},
          {"predicted_per_second", u.completion_tokens > 1 ? u.decode_rate() : 0.0}};
}

Json openai_logprobs(const std::vector<TokenDetail>& tokens) {
  Json content = Json::array(), reasoning = Json::array();
  for (const TokenDetail& t : tokens) {
    Json entry = token_json(t.token);
    entry["top_logprobs"] = Json::array();
    for (const TokenText& other : t.top) entry["top_logprobs"].push_back(token_json(other));
    (t.reasoning ? reasoning : content).push_back(std::move(entry));
  }
  Json logprobs = {{"content", std::move(content)}, {"refusal", nullptr}};
  if (!reasoning.empty()) logprobs["reasoning_content"] = std::move(reasoning);
  return logprobs;
}

void WholeAnswer::add(const AnswerPiece& piece) {
  size_t id = 0;
  for (const AnswerDelta& d : piece.deltas) switch (d.kind) {
      case AnswerDelta::Kind::reasoning: reasoning += d.text; break;
      case AnswerDelta::Kind::content: content += d.text; break;
      case AnswerDelta::Kind::call_begin: calls.push_back({piece.call_ids[id++], d.text, ""}); break;
      case AnswerDelta::Kind::call_arguments: calls.back().arguments += d.text; break;
      case AnswerDelta::Kind::call_end: break;
    }
  tokens.insert(tokens.end(), piece.tokens.begin(), piece.tokens.end());
}

}  // namespace dure
