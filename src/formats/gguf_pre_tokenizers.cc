#include "formats/gguf_pre_tokenizers.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string>
#include <vector>

#include "base/utf8.h"

namespace dure {
namespace {

constexpr const char* kGpt2Words = R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S))";

constexpr std::array kDefault = {R"([\p{P}\$\+<=>\^~\|]+)", kGpt2Words, R"(\p{N}+)", R"([0-9][0-9][0-9])"};
constexpr std::array kGpt2 = {kGpt2Words};
constexpr std::array kStarcoder = {R"(\p{N})", kGpt2Words};

constexpr std::array kLlama3 = {
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"};
constexpr std::array kQwen2 = {
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"};
constexpr std::array kQwen35 = {
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"};
constexpr std::array kGpt4o = {
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|)"
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|)"
    R"(\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)"};
constexpr std::array kTekken = {R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|)"
                                R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|)"
                                R"(\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)"};

// DeepSeek's first tokenizer lists the letters it means: Latin, Greek, Cyrillic, Armenian, Georgian, Cherokee, ...
constexpr std::array kDeepSeekLlm = {
    R"([\r\n])",
    R"(\s?[A-Za-z\x{B5}\x{C0}-\x{D6}\x{D8}-\x{F6}\x{F8}-\x{1BA}\x{1BC}-\x{1BF}\x{1C4}-\x{293}\x{295}-)"
    R"(\x{2AF}\x{370}-\x{373}\x{376}\x{377}\x{37B}-\x{37D}\x{37F}\x{386}\x{388}-\x{38A}\x{38C}\x{38E}-)"
    R"(\x{3A1}\x{3A3}-\x{3F5}\x{3F7}-\x{481}\x{48A}-\x{52F}\x{531}-\x{556}\x{10A0}-\x{10C5}\x{13A0}-)"
    R"(\x{13F5}\x{13F8}-\x{13FD}\x{1C90}-\x{1CBA}\x{1CBD}-\x{1CBF}\x{1D00}-\x{1D2B}\x{1D6B}-\x{1D77})"
    R"(\x{1D79}-\x{1D9A}\x{1E00}-\x{1F15}\x{1F18}-\x{1F1D}\x{1F20}-\x{1F45}\x{1F48}-\x{1F4D}\x{1F50}-)"
    R"(\x{1F57}\x{1F59}\x{1F5B}\x{1F5D}\x{1F5F}-\x{1F7D}\x{1F80}-\x{1FB4}\x{1FB6}-\x{1FBC}\x{1FBE}\x{1FC2}-)"
    R"(\x{1FC4}\x{1FC6}-\x{1FCC}\x{1FD0}-\x{1FD3}\x{1FD6}-\x{1FDB}\x{1FE0}-\x{1FEC}\x{1FF2}-\x{1FF4})"
    R"(\x{1FF6}-\x{1FFC}\x{2102}\x{2107}\x{210A}-\x{2113}\x{2115}\x{2119}-\x{211D}\x{2124}\x{2126}\x{2128})"
    R"(\x{212A}-\x{212D}\x{212F}-\x{2134}\x{2139}\x{213C}-\x{213F}\x{2145}-\x{2149}\x{214E}\x{2183}\x{2184})"
    R"(\x{2C00}-\x{2C7B}\x{2C7E}-\x{2CE4}\x{2CEB}-\x{2CEE}\x{2CF2}\x{2CF3}\x{A640}-\x{A66D}\x{A680}-)"
    R"(\x{A69B}\x{A722}-\x{A76F}\x{A771}-\x{A787}\x{A78B}-\x{A78E}\x{AB70}-\x{ABBF}\x{FB00}-\x{FB06})"
    R"(\x{FB13}-\x{FB17}\x{FF21}-\x{FF3A}\x{FF41}-\x{FF5A}\x{10400}-\x{1044F}\x{104B0}-\x{104D3}\x{104D8}-)"
    R"(\x{104FB}\x{10C80}-\x{10CB2}\x{10CC0}-\x{10CF2}\x{118A0}-\x{118DF}\x{1E900}-\x{1E943}]+)",
    R"(\s?[!-/:-~\x{FF01}-\x{FF0F}\x{FF1A}-\x{FF5E}\x{2018}-\x{201F}\x{3000}-\x{3002}]+)",
    R"(\s+$)",
    R"([\x{4E00}-\x{9FA5}\x{800}-\x{4E00}\x{AC00}-\x{D7FF}]+)",
    R"(\p{N})",
};
constexpr std::array kDeepSeekCoder = {R"([\r\n])", R"(\s?\p{L}+)", R"(\s?\p{P}+)",
                                       R"([\x{4E00}-\x{9FA5}\x{800}-\x{4E00}\x{AC00}-\x{D7FF}]+)", R"(\p{N})"};
constexpr std::array kDeepSeekV3 = {
    R"(\p{N}{1,3})",
    R"([\x{4E00}-\x{9FA5}\x{3040}-\x{309F}\x{30A0}-\x{30FF}]+)",
    R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
};

constexpr GgufPreTokenizer row(std::string_view name, std::span<const char* const> patterns) {
  return {name, patterns};
}
constexpr GgufPreTokenizer llama3(std::string_view name) { return {name, kLlama3, true, false, true}; }
constexpr GgufPreTokenizer qwen2(std::string_view name) { return {name, kQwen2, false, true, false}; }

constexpr std::array kTable = {
    row("default", kDefault),
    row("", kDefault),  // files from before there were names
    row("gpt-2", kGpt2),
    row("phi-2", kGpt2),
    row("olmo", kGpt2),
    row("mpt", kGpt2),
    row("jina-v2-es", kGpt2),
    row("jina-v2-de", kGpt2),
    row("exaone4", kGpt2),
    row("starcoder", kStarcoder),
    row("refact", kStarcoder),
    row("command-r", kStarcoder),
    row("smollm", kStarcoder),
    row("codeshell", kStarcoder),
    row("exaone", kStarcoder),
    llama3("llama-bpe"),
    llama3("llama3"),
    llama3("llama-v3"),
    llama3("falcon3"),
    row("dbrx", kLlama3),
    row("smaug-bpe", kLlama3),
    row("glm4", kLlama3),
    row("chatglm-bpe", kLlama3),
    qwen2("qwen2"),
    qwen2("deepseek-r1-qwen"),
    qwen2("megrez"),
    row("stablelm2", kQwen2),
    row("hunyuan", kQwen2),
    row("grok-2", kQwen2),
    GgufPreTokenizer{"qwen35", kQwen35, false, true, false},
    row("gpt-4o", kGpt4o),
    row("llama4", kGpt4o),
    GgufPreTokenizer{"tekken", kTekken, true, false, true},
    row("deepseek-llm", kDeepSeekLlm),
    row("deepseek-coder", kDeepSeekCoder),
    row("deepseek-v3", kDeepSeekV3),
    row("hunyuan-dense", kDeepSeekV3),
};

/// The same pattern without escapes for characters that can stand for themselves: \r, \n, \x{3042}.
std::string plain(std::string_view pattern) {
  std::string text;
  for (size_t i = 0; i < pattern.size(); ++i) {
    const std::string_view rest = pattern.substr(i);
    if (rest.starts_with("\\r") || rest.starts_with("\\n")) {
      text += rest[1] == 'r' ? '\r' : '\n';
      ++i;
    } else if (rest.starts_with("\\x{")) {
      uint32_t code = 0;
      const auto [end, error] = std::from_chars(rest.data() + 3, rest.data() + rest.size(), code, 16);
      append_utf8(text, code);
      i = static_cast<size_t>(end - pattern.data());
    } else if (rest[0] == '\\' && rest.size() > 1) {
      text += rest.substr(0, 2);
      ++i;
    } else {
      text += rest[0];
    }
  }
  return text;
}

/// The patterns of the splits before the bytes; nothing if there is any other step.
std::optional<std::vector<std::string>> split_patterns(const TokenizerSpec& spec) {
  using namespace pre_tokenizers;
  std::vector<std::string> patterns;
  for (size_t i = 0; i < spec.pre_tokenizers.size(); ++i) {
    const Step& step = spec.pre_tokenizers[i];
    if (const auto* bytes = std::get_if<ByteLevel>(&step)) {
      if (bytes->add_prefix_space || i + 1 != spec.pre_tokenizers.size()) return {};
      if (bytes->use_regex) patterns.push_back(plain(kGpt2Words));
      return patterns;
    }
    const auto* split = std::get_if<Split>(&step);
    if (split == nullptr || !split->pattern.is_regex || split->behavior != Behavior::isolated || split->invert)
      return {};
    patterns.push_back(plain(split->pattern.text));
  }
  return {};
}

/// Nothing but NFC, or nothing at all.
std::optional<bool> uses_nfc(const TokenizerSpec& spec) {
  if (spec.normalizers.empty()) return false;
  const auto* form = std::get_if<normalizers::UnicodeForm>(&spec.normalizers[0]);
  if (spec.normalizers.size() > 1 || form == nullptr || *form != normalizers::UnicodeForm::nfc) return {};
  return true;
}

}  // namespace

const GgufPreTokenizer* find_gguf_pre_tokenizer(const TokenizerSpec& spec) {
  const auto patterns = split_patterns(spec);
  const std::optional<bool> nfc = uses_nfc(spec);
  if (!patterns || !nfc) return nullptr;
  for (const GgufPreTokenizer& row : kTable) {
    const bool same = std::equal(row.patterns.begin(), row.patterns.end(), patterns->begin(), patterns->end(),
                                 [](const char* a, const std::string& b) { return plain(a) == b; });
    if (same && row.ignore_merges == spec.ignore_merges && row.nfc == *nfc) return &row;
  }
  return nullptr;
}

const GgufPreTokenizer* find_gguf_pre_tokenizer(std::string_view name) {
  const auto it = std::find_if(kTable.begin(), kTable.end(), [&](const auto& row) { return row.name == name; });
  return it == kTable.end() ? nullptr : &*it;
}

}  // namespace dure
