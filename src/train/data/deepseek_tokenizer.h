#pragma once

#include "base/tokenizer_spec.h"
#include "train/data/bpe_trainer.h"

namespace dure {

/// Tokens that are not learned: begin, end and pad in front, then the 256 bytes; at the end of the vocabulary 44
/// without a meaning yet and 17 that mark reasoning, infilling, turns and calls.
constexpr int kReservedTokens = 64;
constexpr int kMinVocab = 256 + kReservedTokens;

/// A tokenizer laid out as DeepSeek-V3's tokenizer.json: the same steps, and the same names for what is not learned,
/// with `learned` between them. It puts begin-of-sentence before a text; its template, deepseek_chat_template(), knows
/// `thinking`, `reasoning_content` and no tools.
TokenizerSpec deepseek_tokenizer(const LearnedMerges& learned);

/// The steps alone, which cut text into words before anything is learned.
TokenizerSpec deepseek_tokenizer_steps();

/// The conversation as DeepSeek-V3.1 writes it: system text first, then turns behind <｜User｜> and <｜Assistant｜>. An
/// answer begins with its reasoning between <think> and </think>, or with </think> alone.
std::string_view deepseek_chat_template();

}  // namespace dure
