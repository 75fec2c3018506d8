#include "formats/tokenizer_gguf.h"

#include "base/error.h"
#include "formats/gguf_pre_tokenizers.h"
#include "formats/gguf_token_types.h"
#include "formats/merges.h"

namespace dure {
namespace {

constexpr int64_t kMostTokens = int64_t{1} << 24;

/// The types, or all normal in files without.
std::vector<int64_t> token_types(const Gguf& gguf, size_t count) {
  constexpr std::string_view kKey = "tokenizer.ggml.token_type";
  if (!gguf.has(kKey)) return std::vector<int64_t>(count, kGgufNormal);
  std::vector<int64_t> types = gguf.integers(kKey, 0, 6);
  require(types.size() == count, "{}: {} has {} entries for {} tokens", gguf.source(), kKey, types.size(), count);
  return types;
}

/// Splits the file's one list into vocabulary and added tokens.
void read_tokens(const Gguf& gguf, const std::vector<int64_t>& types, TokenizerSpec& spec) {
  const std::vector<std::string_view> names = gguf.strings("tokenizer.ggml.tokens");
  spec.tokens.resize(names.size());
  for (size_t id = 0; id < names.size(); ++id) {
    const std::string_view name = names[id];
    if (name.empty() || types[id] == kGgufUnused || name == fmt::format("[PAD{}]", id)) continue;
    const bool special = types[id] == kGgufControl || types[id] == kGgufUnknown;
    if (special || types[id] == kGgufUserDefined) {
      AddedToken token;
      token.id = static_cast<int>(id);
      token.content = name;
      token.special = special;
      spec.added_tokens.push_back(std::move(token));
    } else {
      spec.tokens[id] = name;
    }
  }
}

void read_byte_level(const Gguf& gguf, TokenizerSpec& spec) {
  const std::string_view name = gguf.string_or("tokenizer.ggml.pre", "");
  const GgufPreTokenizer* pre = find_gguf_pre_tokenizer(name);
  require(pre != nullptr, "{}: tokenizer.ggml.pre {} is not supported", gguf.source(), quote(name));
  if (pre->nfc) spec.normalizers.emplace_back(normalizers::UnicodeForm::nfc);
  for (const char* pattern : pre->patterns)
    spec.pre_tokenizers.emplace_back(pre_tokenizers::Split{{pattern, true}, pre_tokenizers::Behavior::isolated, false});
  spec.pre_tokenizers.emplace_back(pre_tokenizers::ByteLevel{});
  spec.decoders.emplace_back(decoders::ByteLevel{});
  spec.ignore_merges = pre->ignore_merges;

  const TokenIndex index(spec.tokens);
  const std::vector<std::string_view> merges = gguf.strings("tokenizer.ggml.merges");
  spec.merges.reserve(merges.size());
  for (size_t rank = 0; rank < merges.size(); ++rank) {
    const size_t space = merges[rank].find(' ', 1);
    require(space != std::string_view::npos, "{}: tokenizer.ggml.merges[{}]: expected two tokens, found {}",
            gguf.source(), rank, quote(merges[rank]));
    const std::string_view left = merges[rank].substr(0, space), right = merges[rank].substr(space + 1);
    spec.merges.push_back(resolve_merge(left, right, rank, index, gguf.source()));
  }
}

void read_sentencepiece(const Gguf& gguf, const std::vector<int64_t>& types, TokenizerSpec& spec) {
  spec.scores = gguf.numbers("tokenizer.ggml.scores");
  require(spec.scores.size() == spec.tokens.size(), "{}: tokenizer.ggml.scores has {} entries for {} tokens",
          gguf.source(), spec.scores.size(), spec.tokens.size());
  std::vector<bool> mergeable(spec.tokens.size());
  for (size_t id = 0; id < types.size(); ++id) mergeable[id] = types[id] <= kGgufNormal && !spec.tokens[id].empty();
  spec.merges = merges_from_scores(spec.tokens, spec.scores, mergeable);
  use_sentencepiece_steps(gguf.boolean_or("tokenizer.ggml.add_space_prefix", true), spec);
}

/// -1 if the file does not have `key`, or says "none" by an id beyond the vocabulary, as some do.
int special_id(const Gguf& gguf, std::string_view key, const TokenizerSpec& spec) {
  const int64_t id = gguf.integer_or(key, -1, -1, int64_t{0xFFFFFFFF});
  return id < spec.vocab_size() ? static_cast<int>(id) : -1;
}

void read_special_ids(const Gguf& gguf, bool default_bos, TokenizerSpec& spec) {
  const auto text_of = [&](int id) -> std::string {
    for (const AddedToken& token : spec.added_tokens)
      if (token.id == id) return token.content;
    return id >= 0 && static_cast<size_t>(id) < spec.tokens.size() ? spec.tokens[id] : std::string();
  };
  const auto named = [&](const char* name, std::string_view key) {
    const int id = special_id(gguf, key, spec);
    if (const std::string text = text_of(id); !text.empty()) spec.special_tokens.emplace_back(name, text);
    return id;
  };
  spec.bos_id = named("bos_token", "tokenizer.ggml.bos_token_id");
  spec.eos_id = named("eos_token", "tokenizer.ggml.eos_token_id");
  spec.pad_id = named("pad_token", "tokenizer.ggml.padding_token_id");
  named("unk_token", "tokenizer.ggml.unknown_token_id");
  if (gguf.boolean_or("tokenizer.ggml.add_bos_token", default_bos) && spec.bos_id >= 0) spec.prefix = {spec.bos_id};
  if (gguf.boolean_or("tokenizer.ggml.add_eos_token", false) && spec.eos_id >= 0) spec.suffix = {spec.eos_id};
}

/// "tokenizer.chat_template", and "tokenizer.chat_template.tool_use" for one with a name.
void read_chat_templates(const Gguf& gguf, TokenizerSpec& spec) {
  constexpr std::string_view kKey = "tokenizer.chat_template";
  for (const Gguf::Value& value : gguf.metadata()) {
    if (value.type != Gguf::Type::String || !value.key.starts_with(kKey)) continue;
    const std::string_view rest = value.key.substr(kKey.size());
    if (!rest.empty() && rest[0] != '.') continue;
    const std::string name = rest.empty() ? "default" : std::string(rest.substr(1));
    spec.chat_templates.push_back({name, std::string(gguf.string(value.key))});
  }
}

}  // namespace

TokenizerSpec read_gguf_tokenizer(const Gguf& gguf) {
  TokenizerSpec spec;
  spec.source = gguf.source();
  const std::string_view model = gguf.string("tokenizer.ggml.model");
  require(model != "none" && model != "no_vocab", "{}: the file has no tokenizer", gguf.source());
  require(model == "gpt2" || model == "llama", "{}: tokenizer.ggml.model {} is not supported, expected gpt2 or llama",
          gguf.source(), quote(model));
  const size_t count = gguf.strings("tokenizer.ggml.tokens").size();
  require(count > 0 && count <= kMostTokens, "{}: tokenizer.ggml.tokens: {} tokens, expected 1 to {}", gguf.source(),
          count, kMostTokens);
  const std::vector<int64_t> types = token_types(gguf, count);
  read_tokens(gguf, types, spec);

  bool default_bos = true;
  if (model == "gpt2") {
    read_byte_level(gguf, spec);
    default_bos = find_gguf_pre_tokenizer(gguf.string_or("tokenizer.ggml.pre", ""))->add_bos;
  } else {
    read_sentencepiece(gguf, types, spec);
  }
  read_special_ids(gguf, default_bos, spec);
  read_chat_templates(gguf, spec);
  return spec;
}

}  // namespace dure
