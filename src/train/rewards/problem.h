#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dure {

/// A question whose answer can be checked by rule.
struct Problem {
  struct Message {
    std::string role, content;
  };
  std::vector<Message> messages;  ///< what is asked, the last of them by a user
  std::string kind;               ///< how answers are checked: one that check() knows
  std::string language;           ///< as the file has it in "lang"; may be empty
  std::string answer;             ///< one that is right; of a countdown there may be others
  std::vector<int64_t> numbers;   ///< countdown: each is to be used once,
  std::optional<int64_t> target;  ///< to make this
};

/// Whether an answer, after its reasoning, is right.
///
/// arithmetic, sum, gsm8k: its last numbers are those of problem.answer ("12 remainder 3": both).
/// countdown: its last expression has each of the problem's numbers once and makes the target, by exact fractions.
///
/// REQUIRES: is_checkable(problem.kind).
bool check(const Problem& problem, std::string_view answer);
bool is_checkable(std::string_view kind);

/// Problems of a JSON Lines file. A record has
/// - "prompt" or "question", or "messages", whose last one, if an assistant's, is the right answer;
/// - "answer", after "####" if it has that, unless messages end with it;
/// - "kind", or else it is of `kind`; of a countdown "numbers" and "target"; perhaps "lang".
/// `most` > 0: reads no more than so many. Throws Error naming FILE:LINE and what was expected.
std::vector<Problem> read_problems(const std::filesystem::path& path, std::string_view kind = {}, size_t most = 0);

}  // namespace dure
