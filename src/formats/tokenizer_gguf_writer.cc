#include "formats/tokenizer_gguf_writer.h"

#include <algorithm>

#include "base/error.h"
#include "formats/gguf_pre_tokenizers.h"
#include "formats/gguf_token_types.h"

namespace dure {
namespace {

constexpr std::string_view kSpaceMark = "\u2581";

/// SentencePiece's way: spaces become a mark, unknown characters bytes.
bool is_sentencepiece(const TokenizerSpec& spec) {
  if (!spec.byte_fallback) return false;
  for (const normalizers::Step& step : spec.normalizers)
    if (const auto* replace = std::get_if<normalizers::Replace>(&step))
      if (replace->pattern.text == " " && replace->content == kSpaceMark) return true;
  for (const pre_tokenizers::Step& step : spec.pre_tokenizers)
    if (std::holds_alternative<pre_tokenizers::Metaspace>(step)) return true;
  return false;
}

bool adds_space_prefix(const TokenizerSpec& spec) {
  for (const normalizers::Step& step : spec.normalizers)
    if (std::holds_alternative<normalizers::Prepend>(step)) return true;
  for (const pre_tokenizers::Step& step : spec.pre_tokenizers)
    if (const auto* space = std::get_if<pre_tokenizers::Metaspace>(&step))
      return space->prepend != pre_tokenizers::Metaspace::Prepend::never;
  return false;
}

/// Tokens that publishers meant as markers whatever their flag says; llama.cpp's converter takes them so.
bool looks_special(std::string_view text) {
  const auto between = [&](std::string_view open, std::string_view close) {
    return text.size() > open.size() + close.size() && text.starts_with(open) && text.ends_with(close);
  };
  return text == "<pad>" || between("<|", "|>") || between("<｜", "｜>");
}

/// The one list of the file, from vocabulary and added tokens.
void add_tokens(GgufHead& head, const TokenizerSpec& spec, int vocab_size, bool bytes) {
  const size_t count = static_cast<size_t>(vocab_size);
  std::vector<std::string> tokens(count);
  std::vector<int32_t> types(count, kGgufNormal);
  for (size_t id = 0; id < spec.tokens.size(); ++id) {
    tokens[id] = spec.tokens[id];
    if (bytes && tokens[id].size() == 6 && tokens[id].starts_with("<0x") && tokens[id][5] == '>') types[id] = kGgufByte;
  }
  for (const AddedToken& token : spec.added_tokens) {
    const size_t id = static_cast<size_t>(token.id);
    const bool unknown = token.special && token.content == spec.special_token("unk_token") && bytes;
    tokens[id] = token.content;
    types[id] = unknown                                         ? kGgufUnknown
                : token.special || looks_special(token.content) ? kGgufControl
                                                                : kGgufUserDefined;
  }
  for (size_t id = 0; id < count; ++id) {
    if (!tokens[id].empty()) continue;
    tokens[id] = fmt::format("[PAD{}]", id);
    types[id] = kGgufUnused;
  }
  head.add("tokenizer.ggml.tokens", tokens);
  head.add("tokenizer.ggml.token_type", types);
}

void add_merges(GgufHead& head, const TokenizerSpec& spec) {
  std::vector<const Merge*> order;
  for (const Merge& merge : spec.merges) order.push_back(&merge);
  std::stable_sort(order.begin(), order.end(), [](const Merge* a, const Merge* b) { return a->rank < b->rank; });
  std::vector<std::string> merges;
  for (const Merge* merge : order) {
    const std::string &left = spec.tokens.at(merge->left), &right = spec.tokens.at(merge->right);
    require((left + right).find(' ') == std::string::npos,
            "{}: the merge of {} and {} has a space, which GGUF cannot say", spec.source, quote(left), quote(right));
    merges.push_back(left + ' ' + right);
  }
  head.add("tokenizer.ggml.merges", merges);
}

/// SentencePiece merges the pair whose result has the highest score; a tokenizer.json knows only the order of merges.
std::vector<float> scores_of(const TokenizerSpec& spec, size_t vocab_size) {
  std::vector<float> scores = spec.scores;
  if (scores.empty()) {
    scores.assign(vocab_size, -1e9f);  // a token that is no merge's result is never merged to
    for (const Merge& merge : spec.merges)
      scores[merge.result] = std::max(scores[merge.result], static_cast<float>(-merge.rank));
  }
  scores.resize(vocab_size, -1e9f);
  return scores;
}

void add_id(GgufHead& head, const char* key, int id) {
  if (id >= 0) head.add(fmt::format("tokenizer.ggml.{}_token_id", key), static_cast<uint32_t>(id));
}

/// Files have three places for ids that end a text.
void add_special_ids(GgufHead& head, const GenerationConfig& generation, int bos, int eos) {
  add_id(head, "bos", bos >= 0 ? bos : generation.bos_token_id.value_or(-1));
  std::vector<int> ends = generation.eos_token_ids;
  if (eos >= 0) {
    std::erase(ends, eos);
    ends.insert(ends.begin(), eos);
  }
  constexpr const char* kPlaces[] = {"eos", "eot", "eom"};
  for (size_t i = 0; i < std::min(ends.size(), std::size(kPlaces)); ++i) add_id(head, kPlaces[i], ends[i]);
}

int id_of(const TokenizerSpec& spec, std::string_view text) {
  for (const AddedToken& token : spec.added_tokens)
    if (token.content == text) return token.id;
  const auto it = std::find(spec.tokens.begin(), spec.tokens.end(), text);
  return text.empty() || it == spec.tokens.end() ? -1 : static_cast<int>(it - spec.tokens.begin());
}

void add_chat_templates(GgufHead& head, const TokenizerSpec& spec) {
  std::vector<std::string> names;
  for (const NamedTemplate& t : spec.chat_templates) {
    if (t.name == "default") continue;
    std::string name = t.name;
    for (char& c : name)
      if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9')) c = '_';
    head.add("tokenizer.chat_template." + name, t.text);
    names.push_back(std::move(name));
  }
  if (!names.empty()) head.add("tokenizer.chat_templates", names);
  for (const NamedTemplate& t : spec.chat_templates)
    if (t.name == "default") head.add("tokenizer.chat_template", t.text);
}

}  // namespace

void add_tokenizer(GgufHead& head, const TokenizerSpec& spec, const GenerationConfig& generation, int vocab_size,
                   std::string_view pre) {
  require(spec.vocab_size() <= vocab_size, "{}: has the id {}, but the model's vocabulary is {}", spec.source,
          spec.vocab_size() - 1, vocab_size);
  const bool sentencepiece = is_sentencepiece(spec);
  head.add("tokenizer.ggml.model", sentencepiece ? "llama" : "gpt2");
  if (sentencepiece) {
    pre = "default";
  } else if (pre.empty()) {
    const GgufPreTokenizer* same = find_gguf_pre_tokenizer(spec);
    require(same != nullptr, "{}: no name of GGUF stands for its way of cutting text into words; name one by --pre",
            spec.source);
    pre = same->name;
  } else {
    require(find_gguf_pre_tokenizer(pre) != nullptr, "pre-tokenizer {} is not known", quote(pre));
  }
  head.add("tokenizer.ggml.pre", pre);
  add_tokens(head, spec, vocab_size, sentencepiece);
  if (sentencepiece) {
    head.add("tokenizer.ggml.scores", scores_of(spec, static_cast<size_t>(vocab_size)));
    head.add("tokenizer.ggml.add_space_prefix", adds_space_prefix(spec));
  } else {
    add_merges(head, spec);
  }
  add_special_ids(head, generation, spec.bos_id, spec.eos_id);
  add_id(head, "unknown", spec.unk_id >= 0 ? spec.unk_id : id_of(spec, spec.special_token("unk_token")));
  add_id(head, "padding", spec.pad_id);
  head.add("tokenizer.ggml.add_bos_token", !spec.prefix.empty());
  head.add("tokenizer.ggml.add_eos_token", !spec.suffix.empty());
  add_chat_templates(head, spec);
}

void add_no_tokenizer(GgufHead& head, const GenerationConfig& generation) {
  head.add("tokenizer.ggml.model", "none");
  add_special_ids(head, generation, -1, -1);
}

}  // namespace dure
