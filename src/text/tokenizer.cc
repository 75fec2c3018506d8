#include "text/tokenizer.h"

#include <algorithm>

#include "base/error.h"
#include "base/utf8.h"

namespace dure {
namespace {

/// Checks what the rest takes for granted.
TokenizerSpec checked(TokenizerSpec spec) {
  const int tokens = static_cast<int>(spec.tokens.size());
  for (const Merge& m : spec.merges)
    require(std::min({m.left, m.right, m.result}) >= 0 && std::max({m.left, m.right, m.result}) < tokens,
            "{}: merge {} + {} -> {}: ids must be below {}", spec.source, m.left, m.right, m.result, tokens);
  const int64_t limit = static_cast<int64_t>(spec.tokens.size() + spec.added_tokens.size()) + kMaxIdGap;
  for (const AddedToken& token : spec.added_tokens) {
    require(token.id >= 0 && token.id < limit, "{}: added token {}: id {}, expected 0 to {}", spec.source,
            quote(token.content), token.id, limit - 1);
    require(is_utf8(token.content), "{}: added token {} is not UTF-8", spec.source, token.id);
  }
  const int size = spec.vocab_size();
  for (const std::vector<int>* ids : {&spec.prefix, &spec.suffix})
    for (const int id : *ids)
      require(id >= 0 && id < size, "{}: post-processor adds id {}, expected less than {}", spec.source, id, size);
  require(spec.unk_id < tokens, "{}: unk id {}, expected less than {}", spec.source, spec.unk_id, tokens);
  return spec;
}

/// The part of `ranges` inside `window`, counted from its beginning.
std::vector<TextRange> clip(const std::vector<TextRange>& ranges, TextRange window) {
  std::vector<TextRange> out;
  for (const TextRange range : ranges) {
    const size_t begin = std::max(range.begin, window.begin), end = std::min(range.end, window.end);
    if (begin < end) out.push_back({begin - window.begin, end - window.begin});
  }
  return out;
}

}  // namespace

Tokenizer::Tokenizer(TokenizerSpec spec)
    : spec_(checked(std::move(spec))),
      vocab_size_(spec_.vocab_size()),
      normalizer_(spec_),
      pre_tokenizer_(spec_),
      bpe_(spec_, pre_tokenizer_.ends_in_bytes()),
      decoder_(spec_) {
  spec_.merges = {};
  spec_.scores = {};
  for (size_t id = 0; id < spec_.tokens.size(); ++id)
    if (!spec_.tokens[id].empty()) ids_.emplace(spec_.tokens[id], static_cast<int>(id));
  for (const AddedToken& token : spec_.added_tokens) {
    ids_.insert_or_assign(token.content, token.id);
    if (token.special) special_ids_.push_back(token.id);
    if (token.normalized) {
      normalized_tokens_.add(token, normalizer_(token.content));
    } else {
      raw_tokens_.add(token, token.content);
    }
  }
  std::sort(special_ids_.begin(), special_ids_.end());
}

std::vector<int> Tokenizer::encode(std::string_view text, EncodeOptions options) const {
  std::string replaced;
  if (!is_utf8(text)) text = replaced = sanitize_utf8(text);
  std::vector<TextRange> plain;
  if (!options.parse_special) plain.push_back({0, text.size()});
  return encode_all(text, plain, options.add_special);
}

std::vector<int> Tokenizer::encode(std::span<const Segment> prompt, bool add_special) const {
  std::string text;
  std::vector<TextRange> plain;
  for (const Segment& segment : prompt) {
    const size_t begin = text.size();
    is_utf8(segment.text) ? text += segment.text : text += sanitize_utf8(segment.text);
    if (!segment.trusted) plain.push_back({begin, text.size()});
  }
  return encode_all(text, plain, add_special);
}

std::vector<int> Tokenizer::encode_all(std::string_view text, const std::vector<TextRange>& plain,
                                       bool add_special) const {
  std::vector<int> ids;
  if (add_special) ids = spec_.prefix;
  for (const auto& [range, id] : raw_tokens_.find(text, plain)) {
    if (id >= 0) {
      ids.push_back(id);
    } else {
      const std::string_view piece = text.substr(range.begin, range.end - range.begin);
      encode_text({piece, clip(plain, range), range.begin == 0}, ids);
    }
  }
  if (add_special) ids.insert(ids.end(), spec_.suffix.begin(), spec_.suffix.end());
  return ids;
}

void Tokenizer::encode_text(const Text& text, std::vector<int>& out) const {
  if (normalizer_.is_identity()) return encode_normalized(text, out);
  if (text.plain.empty() || normalized_tokens_.empty())
    return encode_normalized({normalizer_(text.text), {}, text.at_start}, out);

  // Normalised part by part, so that what is plain stays known.
  std::string normal;
  std::vector<TextRange> plain;
  size_t at = 0;
  const auto append = [&](size_t end, bool is_plain) {
    const size_t begin = normal.size();
    normal += normalizer_(text.text.substr(at, end - at), normal.empty());
    if (is_plain && normal.size() > begin) plain.push_back({begin, normal.size()});
    at = end;
  };
  for (const TextRange range : text.plain) {
    append(range.begin, false);
    append(range.end, true);
  }
  append(text.text.size(), false);
  encode_normalized({normal, std::move(plain), text.at_start}, out);
}

void Tokenizer::encode_normalized(const Text& text, std::vector<int>& out) const {
  for (const auto& [range, id] : normalized_tokens_.find(text.text, text.plain)) {
    if (id >= 0) {
      out.push_back(id);
      continue;
    }
    const auto pieces =
        pre_tokenizer_(text.text.substr(range.begin, range.end - range.begin), text.at_start && range.begin == 0);
    for (const std::string_view piece : pieces.views) bpe_.encode(piece, out);
  }
}

std::string Tokenizer::decode(std::span<const int> ids, bool skip_special) const {
  std::string text;
  Decoder::State state = decoder_.start();
  for (const int id : ids)
    if (!(skip_special && is_special(id))) decoder_.push(state, id, text);
  decoder_.finish(state, text);
  return text;
}

StreamDecoder Tokenizer::stream_decoder(bool skip_special, std::span<const int> kept) const {
  std::vector<int> skipped = skip_special ? special_ids_ : std::vector<int>();
  std::erase_if(skipped, [&](int id) { return std::ranges::find(kept, id) != kept.end(); });
  return {decoder_, std::move(skipped)};
}

std::optional<int> Tokenizer::token_id(std::string_view token) const {
  const auto it = ids_.find(token);
  return it == ids_.end() ? std::nullopt : std::optional(it->second);
}

bool Tokenizer::is_special(int id) const { return std::binary_search(special_ids_.begin(), special_ids_.end(), id); }

}  // namespace dure
