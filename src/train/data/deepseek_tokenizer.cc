#include "train/data/deepseek_tokenizer.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "formats/gguf_pre_tokenizers.h"
#include "text/byte_level.h"

namespace dure {
namespace {

constexpr std::array kFront = {"<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>", "<｜▁pad▁｜>"};
constexpr std::array kBack = {"<think>",
                              "</think>",
                              "<｜fim▁hole｜>",
                              "<｜fim▁begin｜>",
                              "<｜fim▁end｜>",
                              "<｜User｜>",
                              "<｜Assistant｜>",
                              "<|EOT|>",
                              "<｜tool▁calls▁begin｜>",
                              "<｜tool▁calls▁end｜>",
                              "<｜tool▁call▁begin｜>",
                              "<｜tool▁call▁end｜>",
                              "<｜tool▁outputs▁begin｜>",
                              "<｜tool▁outputs▁end｜>",
                              "<｜tool▁output▁begin｜>",
                              "<｜tool▁output▁end｜>",
                              "<｜tool▁sep｜>"};
constexpr int kPlaceHolders = kReservedTokens - static_cast<int>(kFront.size() + kBack.size());

constexpr std::string_view kTemplate =
    R"({{- bos_token -}}
{%- for message in messages if message.role == 'system' -%}
  {{- '\n\n' if not loop.first -}}{{- message.content -}}
{%- endfor -%}
{%- for message in messages -%}
  {%- if message.role == 'user' -%}
    {{- '<｜User｜>' -}}{{- message.content -}}
  {%- elif message.role == 'assistant' -%}
    {{- '<｜Assistant｜>' -}}
    {%- if message.reasoning_content is defined and message.reasoning_content -%}
      {{- '<think>' -}}{{- message.reasoning_content -}}
    {%- endif -%}
    {{- '</think>' -}}{{- message.content -}}{{- eos_token -}}
  {%- elif message.role != 'system' -%}
    {{- raise_exception('there is no way to write the role ' + message.role) -}}
  {%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt is defined and add_generation_prompt -%}
  {{- '<｜Assistant｜>' -}}{{- '<think>' if thinking is defined and thinking else '</think>' -}}
{%- endif -%}
)";

}  // namespace

std::string_view deepseek_chat_template() { return kTemplate; }

TokenizerSpec deepseek_tokenizer_steps() {
  TokenizerSpec spec;
  spec.source = "tokenizer";
  for (const char* pattern : find_gguf_pre_tokenizer("deepseek-v3")->patterns)
    spec.pre_tokenizers.emplace_back(pre_tokenizers::Split{TextPattern{pattern, true}});
  spec.pre_tokenizers.emplace_back(pre_tokenizers::ByteLevel{});
  spec.decoders.emplace_back(decoders::ByteLevel{});
  return spec;
}

TokenizerSpec deepseek_tokenizer(const LearnedMerges& learned) {
  TokenizerSpec spec = deepseek_tokenizer_steps();
  const auto add_special = [&](std::string content, bool special) {
    AddedToken token;
    token.id = spec.vocab_size();
    token.content = std::move(content);
    token.special = special;
    token.normalized = !special;
    spec.added_tokens.push_back(std::move(token));
  };
  for (const char* name : kFront) {
    add_special(name, true);
    spec.tokens.emplace_back(name);  // those at the end are added tokens alone
  }

  // The bytes in the order of the characters that they are written with, as in DeepSeek's file.
  std::vector<std::pair<std::string, int>> bytes;
  for (int b = 0; b < 256; ++b) bytes.emplace_back(bytes_to_characters(std::string(1, static_cast<char>(b))), b);
  std::sort(bytes.begin(), bytes.end());
  std::vector<int> id_of(learned.tokens.size());
  for (const auto& [character, byte] : bytes) {
    id_of[static_cast<size_t>(byte)] = static_cast<int>(spec.tokens.size());
    spec.tokens.push_back(character);
  }
  for (size_t i = 256; i < learned.tokens.size(); ++i) {
    id_of[i] = static_cast<int>(spec.tokens.size());
    spec.tokens.push_back(bytes_to_characters(learned.tokens[i]));
  }
  for (const LearnedMerges::Rule& rule : learned.rules)
    spec.merges.push_back({id_of.at(static_cast<size_t>(rule.left)), id_of.at(static_cast<size_t>(rule.right)),
                           id_of.at(static_cast<size_t>(rule.result)), static_cast<int>(spec.merges.size())});

  for (int i = 0; i < kPlaceHolders; ++i) add_special(fmt::format("<｜place▁holder▁no▁{}｜>", i), true);
  for (const char* name : kBack) add_special(name, name == std::string_view("<|EOT|>"));

  spec.bos_id = 0;
  spec.eos_id = 1;
  spec.pad_id = 2;
  spec.prefix = {spec.bos_id};
  spec.special_tokens = {{"bos_token", kFront[0]}, {"eos_token", kFront[1]}, {"pad_token", kFront[2]}};
  spec.chat_templates = {{"default", std::string(kTemplate)}};
  return spec;
}

}  // namespace dure
