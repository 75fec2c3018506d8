#include "train/rewards/final_answer.h"

#include "base/ascii.h"

namespace dure {
namespace {

bool is_digit(std::string_view text, size_t at) { return at < text.size() && text[at] >= '0' && text[at] <= '9'; }

size_t digits_end(std::string_view text, size_t at) {
  while (is_digit(text, at)) ++at;
  return at;
}

/// Whether a minus sign that is not a subtraction ends right before `at`.
bool is_negative(std::string_view text, size_t at) {
  constexpr std::string_view kMinus = "\u2212";
  const std::string_view before = text.substr(0, at);
  if (!before.ends_with('-') && !before.ends_with(kMinus)) return false;
  const std::string_view left = before.substr(0, at - (before.ends_with('-') ? 1 : kMinus.size()));
  return left.empty() || !(is_digit(left, left.size() - 1) || left.back() == ')' || left.back() == '-' ||
                           (left.back() >= 'a' && left.back() <= 'z') || (left.back() >= 'A' && left.back() <= 'Z'));
}

/// The number whose first digit is at `at`, which moves past it.
std::string take_number(std::string_view text, size_t& at) {
  const bool negative = is_negative(text, at);
  size_t end = digits_end(text, at);
  std::string whole(text.substr(at, end - at)), fraction;
  for (bool groups = whole.size() <= 3; groups && end < text.size() && text[end] == ',';) {
    const size_t next = digits_end(text, end + 1);
    groups = next == end + 4;
    if (!groups) break;
    whole += text.substr(end + 1, 3);
    end = next;
  }
  if (end < text.size() && text[end] == '.' && is_digit(text, end + 1)) {
    const size_t next = digits_end(text, end + 1);
    fraction = text.substr(end + 1, next - end - 1);
    end = next;
  }
  at = end;
  whole.erase(0, std::min(whole.find_first_not_of('0'), whole.size() - 1));
  fraction.erase(fraction.find_last_not_of('0') + 1);  // of zeros alone: all
  std::string number = fraction.empty() ? whole : whole.append(1, '.').append(fraction);
  return negative && number != "0" ? number.insert(0, 1, '-') : number;
}

/// The inside of the brace that opens before `begin`; all that is left if it is never closed.
std::string_view braced(std::string_view text, size_t begin) {
  int depth = 1;
  for (size_t i = begin; i < text.size(); ++i) {
    if (text[i] == '{') ++depth;
    if (text[i] == '}' && --depth == 0) return text.substr(begin, i - begin);
  }
  return text.substr(begin);
}

}  // namespace

std::string_view after_reasoning(std::string_view text, bool in_reasoning) {
  constexpr std::string_view kBegin = "<think>", kEnd = "</think>";
  const size_t end = text.rfind(kEnd);
  if (end != text.npos) return ascii_trim(text.substr(end + kEnd.size()));
  return in_reasoning || text.find(kBegin) != text.npos ? std::string_view() : ascii_trim(text);
}

std::string_view final_answer(std::string_view answer) {
  constexpr std::string_view kBoxed = "\\boxed{", kMark = "####";
  if (const size_t at = answer.rfind(kBoxed); at != answer.npos) return ascii_trim(braced(answer, at + kBoxed.size()));
  if (const size_t at = answer.rfind(kMark); at != answer.npos) return ascii_trim(answer.substr(at + kMark.size()));
  return ascii_trim(answer);
}

std::vector<std::string> numbers_in(std::string_view text) {
  std::vector<std::string> numbers;
  for (size_t at = 0; at < text.size();) {
    if (is_digit(text, at))
      numbers.push_back(take_number(text, at));
    else
      ++at;
  }
  return numbers;
}

}  // namespace dure
