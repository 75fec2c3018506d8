#include "sampling/grammar/schema/number_language.h"

#include <charconv>

#include "base/error.h"
#include "sampling/grammar/regex.h"

namespace dure::grammar {
namespace {

constexpr const char* kFraction = "(\\.[0-9]+)?";

/// Ways that a pattern may go.
class Ways {
 public:
  void add(const std::string& way) { text_ += (text_.empty() ? "" : "|") + way; }
  /// No way at all is a class without characters.
  std::string text() const { return text_.empty() ? "[]" : fmt::format("({})", text_); }

 private:
  std::string text_;
};

std::string digits(size_t count) { return fmt::format("[0-9]{{{}}}", count); }

/// Digits above or below one; empty if there are none.
std::string above(char digit) { return digit == '9' ? "" : fmt::format("[{}-9]", char(digit + 1)); }
std::string below(char digit, char least) {
  return digit <= least ? "" : fmt::format("[{}-{}]", least, char(digit - 1));
}

/// Patterns of numbers without a sign, of which `b` is the least or the greatest.
std::string not_below(const Decimal& b, bool exclusive) {
  const std::string &i = b.integer, &f = b.fraction;
  Ways ways;
  ways.add(fmt::format("[1-9][0-9]{{{},}}{}", i.size(), kFraction));  // more digits
  for (size_t k = 0; k < i.size(); ++k)
    if (const std::string more = above(i[k]); !more.empty())
      ways.add(i.substr(0, k) + more + digits(i.size() - k - 1) + kFraction);
  for (size_t k = 0; k < f.size(); ++k)
    if (const std::string more = above(f[k]); !more.empty()) ways.add(i + "\\." + f.substr(0, k) + more + "[0-9]*");
  const std::string same = fmt::format("{}{}{}", i, f.empty() ? "" : "\\.", f);
  if (exclusive) {
    ways.add(same + (f.empty() ? "\\." : "") + "[0-9]*[1-9][0-9]*");
  } else {
    ways.add(same + (f.empty() ? kFraction : "[0-9]*"));
  }
  return ways.text();
}

std::string not_above(const Decimal& b, bool exclusive) {
  const std::string &i = b.integer, &f = b.fraction;
  Ways ways;
  if (i.size() > 1) ways.add(fmt::format("(0|[1-9][0-9]{{0,{}}}){}", i.size() - 2, kFraction));  // fewer digits
  for (size_t k = 0; k < i.size(); ++k)
    if (const std::string less = below(i[k], k == 0 && i.size() > 1 ? '1' : '0'); !less.empty())
      ways.add(i.substr(0, k) + less + digits(i.size() - k - 1) + kFraction);
  for (size_t k = 0; k < f.size(); ++k) {
    // What ends here is less, as the last digit of f is not 0.
    ways.add(fmt::format("{}{}{}", i, k == 0 ? "" : "\\.", f.substr(0, k)));
    if (const std::string less = below(f[k], '0'); !less.empty())
      ways.add(i + "\\." + f.substr(0, k) + less + "[0-9]*");
  }
  if (!exclusive) ways.add(f.empty() ? i + "(\\.0+)?" : fmt::format("{}\\.{}0*", i, f));
  return ways.text();
}

CharDfa language(const std::string& pattern) { return regex_language(pattern, Match::whole).language; }

const std::string kUnsigned = std::string("(0|[1-9][0-9]*)") + kFraction;

}  // namespace

CharDfa decimals() { return language(fmt::format("-?{}", kUnsigned)); }

CharDfa integers() { return language("0|-?[1-9][0-9]*"); }

CharDfa at_least(const Decimal& bound, bool exclusive) {
  if (!bound.negative) return language(not_below(bound, exclusive));
  return language(fmt::format("{}|-{}", kUnsigned, not_above(bound, exclusive)));
}

CharDfa at_most(const Decimal& bound, bool exclusive) {
  if (bound.negative) return language(fmt::format("-{}", not_below(bound, exclusive)));
  if (bound.is_zero() && exclusive) return language(fmt::format("-{}", not_below(bound, true)));
  return language(fmt::format("-{}|{}", kUnsigned, not_above(bound, exclusive)));
}

std::optional<CharDfa> multiples_of(const Decimal& divisor) {
  // divisor = k / 10^places: a number with that many digits behind the point, read as an integer, is a multiple of k.
  constexpr int kMaxStates = 10'000;
  const int places = int(divisor.fraction.size());
  const std::string scaled = divisor.integer + divisor.fraction;
  int k = 0;
  const auto [end, error] = std::from_chars(scaled.data(), scaled.data() + scaled.size(), k);
  if (error != std::errc() || k > kMaxStates || int64_t{k} * (places + 1) > kMaxStates) return std::nullopt;
  DURE_ASSERT(k > 0);

  // States: the beginning, behind the sign, a leading zero, then remainders with 0 ... places digits behind the point;
  // for each of the last, but for none, one without any digit: just behind the point.
  constexpr int kBegin = 0, kSign = 1, kZero = 2, kDigits = 3;
  const auto remainder = [&](int digits, int r) { return kDigits + digits * k + r; };
  const int point = remainder(places + 1, 0);  // behind the point, by remainder
  std::vector<int> scale(size_t(places) + 1);  // 10^(places - digits) mod k
  scale[size_t(places)] = 1 % k;
  for (int d = places; d-- > 0;) scale[size_t(d)] = int(int64_t{scale[size_t(d) + 1]} * 10 % k);

  CharDfa a;
  a.states.resize(size_t(point + (places > 0 ? k : 0)));
  const auto add_digits = [&](int from, int r, int digits, char first) {
    for (char c = first; c <= '9'; ++c)
      a.states[size_t(from)].edges.push_back(
          {char32_t(c), char32_t(c), remainder(digits, int((int64_t{r} * 10 + (c - '0')) % k))});
  };
  const auto add_point = [&](int from, int r) {
    if (places > 0) a.states[size_t(from)].edges.insert(a.states[size_t(from)].edges.begin(), {'.', '.', point + r});
  };
  a.states[kBegin].edges.push_back({'-', '-', kSign});
  for (const int from : {kBegin, kSign}) {
    a.states[size_t(from)].edges.push_back({'0', '0', kZero});
    add_digits(from, 0, 0, '1');
  }
  a.states[kZero].accepting = true;
  add_point(kZero, 0);
  for (int digits = 0; digits <= places; ++digits)
    for (int r = 0; r < k; ++r) {
      const int state = remainder(digits, r);
      a.states[size_t(state)].accepting = int64_t{r} * scale[size_t(digits)] % k == 0;
      if (digits == 0) add_digits(state, r, 0, '0'), add_point(state, r);
      if (digits > 0 && digits < places) add_digits(state, r, digits + 1, '0');
    }
  if (places > 0)
    for (int r = 0; r < k; ++r) add_digits(point + r, r, 1, '0');
  return minimize(a);
}

}  // namespace dure::grammar
