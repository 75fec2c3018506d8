#include "text/decoder.h"

#include <algorithm>
#include <charconv>

#include "base/error.h"
#include "base/utf8.h"
#include "text/byte_level.h"

namespace dure {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

/// The value of "<0xAB>".
std::optional<char> fallback_byte(std::string_view token) {
  if (token.size() != 6 || !token.starts_with("<0x") || !token.ends_with('>')) return std::nullopt;
  int value = 0;
  const char* end = token.data() + 5;
  const auto [stop, error] = std::from_chars(token.data() + 3, end, value, 16);
  if (error != std::errc() || stop != end || value < 0) return std::nullopt;
  return static_cast<char>(value);
}

/// Bytes of up to `limit` repetitions of `unit` at the beginning of `text`.
size_t leading(std::string_view text, std::string_view unit, size_t limit) {
  size_t size = 0;
  for (size_t i = 0; i < limit && text.substr(size).starts_with(unit); ++i) size += unit.size();
  return size;
}

size_t trailing(std::string_view text, std::string_view unit, size_t limit) {
  size_t size = 0;
  for (size_t i = 0; i < limit && text.substr(0, text.size() - size).ends_with(unit); ++i) size += unit.size();
  return size;
}

std::string without(std::string_view text, std::string_view unit, std::string_view by) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    if (text.substr(at).starts_with(unit)) {
      out += by;
      at += unit.size();
    } else {
      out += text[at++];
    }
  }
  return out;
}

}  // namespace

Decoder::Decoder(const TokenizerSpec& spec) {
  bool fused = false;
  for (const decoders::Step& rule : spec.decoders) {
    const bool is_bytes = std::holds_alternative<decoders::ByteLevel>(rule);
    const bool needs_tokens = is_bytes || std::holds_alternative<decoders::ByteFallback>(rule);
    require(!(fused && needs_tokens), "{}: decoder: a byte step after the tokens are fused has no meaning",
            spec.source);
    Step step{rule, fused, std::nullopt};
    if (const auto* replace = std::get_if<decoders::Replace>(&rule))
      step.pattern.emplace(replace->pattern, spec.source);
    steps_.push_back(std::move(step));
    fused = fused || is_bytes || std::holds_alternative<decoders::Fuse>(rule);
  }

  const bool bytes_first = !steps_.empty() && std::holds_alternative<decoders::ByteLevel>(steps_[0].rule);
  texts_.resize(static_cast<size_t>(spec.vocab_size()));
  for (size_t id = 0; id < spec.tokens.size(); ++id) {
    const std::string& token = spec.tokens[id];
    texts_[id] = bytes_first ? characters_to_bytes(token).value_or(token) : token;
  }
  // An added token stands for its content, even where that happens to be written in the byte-level alphabet ("ø").
  for (const AddedToken& token : spec.added_tokens) texts_[static_cast<size_t>(token.id)] = token.content;
  if (bytes_first) return;
  bytes_.reserve(texts_.size());
  for (const std::string& text : texts_) bytes_.push_back(token_bytes(text));
}

std::string Decoder::token_bytes(std::string_view token) const {
  std::string bytes(token);
  for (const Step& step : steps_) {
    if (step.fused) break;
    if (const auto* replace = std::get_if<decoders::Replace>(&step.rule)) {
      if (is_utf8(bytes)) bytes = step.pattern->replace_all(bytes, replace->content);
    } else if (const auto* space = std::get_if<decoders::Metaspace>(&step.rule)) {
      bytes = without(bytes, space->replacement, " ");
    } else if (std::holds_alternative<decoders::ByteFallback>(step.rule)) {
      if (const auto byte = fallback_byte(bytes)) bytes.assign(1, *byte);
    }
  }
  return bytes;
}

std::string_view Decoder::bytes(int id) const {
  if (!has(id)) return {};
  return bytes_.empty() ? texts_[id] : bytes_[id];
}

void Decoder::push(State& state, int id, std::string& out) const {
  if (has(id)) Run{*this, state, out}.feed(0, texts_[id]);
}

void Decoder::finish(State& state, std::string& out) const {
  for (size_t i = 0; i < steps_.size(); ++i) Run{*this, state, out}.flush(i);
  state = start();
}

void Decoder::Run::feed(size_t i, std::string_view token) {
  State::Step& mine = state.steps[i];
  if (i == decoder.steps_.size()) {
    if (decoder.steps_.empty() && mine.count++ > 0) out += ' ';
    out += token;
    return;
  }
  const Step& step = decoder.steps_[i];
  if (std::holds_alternative<decoders::ByteLevel>(step.rule)) {
    byte_level(i, token);
  } else if (std::holds_alternative<decoders::ByteFallback>(step.rule)) {
    byte_fallback(i, token);
  } else if (const auto* strip = std::get_if<decoders::Strip>(&step.rule)) {
    if (step.fused) return strip_stream(i, *strip, token);
    token.remove_prefix(leading(token, strip->content, static_cast<size_t>(strip->start)));
    token.remove_suffix(trailing(token, strip->content, static_cast<size_t>(strip->stop)));
    feed(i + 1, token);
  } else if (const auto* replace = std::get_if<decoders::Replace>(&step.rule)) {
    if (step.fused) return replace_stream(i, *replace, token);
    feed(i + 1, step.pattern->replace_all(token, replace->content));
  } else if (const auto* space = std::get_if<decoders::Metaspace>(&step.rule)) {
    const bool first = step.fused || mine.count++ == 0;
    feed(i + 1, without(token, space->replacement, first && space->strip_first ? "" : " "));
  } else {  // Fuse: the rest of the pipeline takes the tokens as one
    feed(i + 1, token);
  }
}

void Decoder::Run::flush(size_t i) {
  State::Step& mine = state.steps[i];
  const Step& step = decoder.steps_[i];
  std::string rest;
  if (std::holds_alternative<decoders::ByteLevel>(step.rule)) {
    rest = sanitize_utf8(mine.held);
  } else if (std::holds_alternative<decoders::ByteFallback>(step.rule)) {
    return flush_bytes(i);
  } else if (const auto* replace = std::get_if<decoders::Replace>(&step.rule)) {
    rest = step.pattern->replace_all(mine.held, replace->content);
  }  // what Strip holds is what it strips
  mine.held.clear();
  if (!rest.empty()) feed(i + 1, rest);
}

void Decoder::Run::byte_level(size_t i, std::string_view token) {
  std::string& held = state.steps[i].held;
  if (i == 0) {
    held += token;
  } else {
    held += characters_to_bytes(token).value_or(std::string(token));
  }
  const size_t complete = held.size() - unfinished_utf8(held);
  if (complete == 0) return;
  feed(i + 1, sanitize_utf8(std::string_view(held).substr(0, complete)));
  held.erase(0, complete);
}

void Decoder::Run::byte_fallback(size_t i, std::string_view token) {
  if (const auto byte = fallback_byte(token)) {
    state.steps[i].held += *byte;
    return;
  }
  flush_bytes(i);
  feed(i + 1, token);
}

/// A run of byte tokens is one text if it is valid as a whole, else one U+FFFD a byte.
void Decoder::Run::flush_bytes(size_t i) {
  const std::string bytes = std::exchange(state.steps[i].held, {});
  if (bytes.empty()) return;
  if (is_utf8(bytes)) return feed(i + 1, bytes);
  for (size_t k = 0; k < bytes.size(); ++k) feed(i + 1, kReplacement);
}

void Decoder::Run::strip_stream(size_t i, const decoders::Strip& rule, std::string_view text) {
  State::Step& mine = state.steps[i];
  if (!mine.done) {
    const size_t size = leading(text, rule.content, static_cast<size_t>(rule.start) - mine.count);
    mine.count += rule.content.empty() ? 0 : size / rule.content.size();
    text.remove_prefix(size);
    mine.done = !text.empty() || mine.count == static_cast<size_t>(rule.start);
  }
  mine.held += text;
  const size_t keep = trailing(mine.held, rule.content, static_cast<size_t>(rule.stop));
  const std::string ready = mine.held.substr(0, mine.held.size() - keep);
  mine.held.erase(0, ready.size());
  if (!ready.empty()) feed(i + 1, ready);
}

void Decoder::Run::replace_stream(size_t i, const decoders::Replace& rule, std::string_view text) {
  std::string& held = state.steps[i].held;
  held += text;
  if (rule.pattern.is_regex) return;  // a match may still grow: wait for the end
  const std::string_view pattern = rule.pattern.text;
  std::string ready;
  size_t at = 0;
  for (size_t match; !pattern.empty() && (match = held.find(pattern, at)) != held.npos; at = match + pattern.size())
    ready.append(held, at, match - at) += rule.content;
  // The longest end of the text that may become a match stays behind.
  size_t keep = std::min(held.size() - at, pattern.empty() ? 0 : pattern.size() - 1);
  while (!std::string_view(held).ends_with(pattern.substr(0, keep))) --keep;
  ready.append(held, at, held.size() - keep - at);
  held.erase(0, held.size() - keep);
  if (!ready.empty()) feed(i + 1, ready);
}

std::string StreamDecoder::push(int id) {
  std::string text;
  if (!std::binary_search(skipped_.begin(), skipped_.end(), id)) decoder_.push(state_, id, text);
  return text;
}

std::string StreamDecoder::finish() {
  std::string text;
  decoder_.finish(state_, text);
  return text;
}

}  // namespace dure
