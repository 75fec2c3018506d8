#include "sampling/grammar/regex.h"

#include <algorithm>
#include <memory>
#include <optional>

#include "base/error.h"
#include "base/utf8.h"
#include "sampling/grammar/char_nfa.h"

namespace dure::grammar {
namespace {

constexpr int kMaxNesting = 200;
constexpr int kMaxRepeats = 100'000;
/// From here on the bounds of a lone class are counted rather than spelled out.
constexpr int kCounted = 32;

struct Term;
using TermPtr = std::unique_ptr<Term>;

/// The tree of a pattern.
struct Term {
  enum class Kind : uint8_t { chars, sequence, choice, repeat, begin, end } kind;
  CharSet chars = {};
  std::vector<TermPtr> parts = {};
  int min = 0, max = 0;
};

TermPtr make(Term::Kind kind) {
  auto term = std::make_unique<Term>();
  term->kind = kind;
  return term;
}

TermPtr make(CharSet chars) {
  auto term = make(Term::Kind::chars);
  term->chars = std::move(chars);
  return term;
}

CharSet set_of(std::initializer_list<CharSet::Range> ranges) {
  CharSet out;
  for (const auto& r : ranges) out.add(r.first, r.last);
  return out;
}

const CharSet& digits() {
  static const CharSet set('0', '9');
  return set;
}
const CharSet& word_chars() {
  static const CharSet set = set_of({{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}});
  return set;
}
/// WhiteSpace and LineTerminator of ECMA 262.
const CharSet& spaces() {
  static const CharSet set = set_of({{9, 13},
                                     {' ', ' '},
                                     {0xA0, 0xA0},
                                     {0x1680, 0x1680},
                                     {0x2000, 0x200A},
                                     {0x2028, 0x2029},
                                     {0x202F, 0x202F},
                                     {0x205F, 0x205F},
                                     {0x3000, 0x3000},
                                     {0xFEFF, 0xFEFF}});
  return set;
}
const CharSet& line_ends() {
  static const CharSet set = set_of({{'\n', '\n'}, {'\r', '\r'}, {0x2028, 0x2029}});
  return set;
}

/// Patterns of ECMA 262 with the flag u; a brace or bracket without its partner stands for itself, as without the flag.
class Parser {
 public:
  explicit Parser(std::string_view pattern) : pattern_(pattern) {
    if (!is_utf8(pattern)) refuse("is not UTF-8");
    for (size_t at = 0; at < pattern.size();) text_ += next_utf8(pattern, at);
  }

  TermPtr parse() {
    TermPtr term = choice(0);
    if (at_ < text_.size()) refuse("has ) without (");
    return term;
  }

 private:
  [[noreturn]] void refuse(std::string_view what) const { fail("pattern {} {}", quote(pattern_), what); }

  bool eat(char32_t c) {
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  bool eat(std::u32string_view s) {
    if (std::u32string_view(text_).substr(at_, s.size()) != s) return false;
    at_ += s.size();
    return true;
  }
  char32_t peek() const { return at_ < text_.size() ? text_[at_] : 0; }

  TermPtr choice(int depth) {
    if (depth > kMaxNesting) refuse("is nested too deeply");
    TermPtr out = make(Term::Kind::choice);
    do out->parts.push_back(sequence(depth));
    while (eat(U'|'));
    return out->parts.size() == 1 ? std::move(out->parts[0]) : std::move(out);
  }

  TermPtr sequence(int depth) {
    TermPtr out = make(Term::Kind::sequence);
    while (at_ < text_.size() && text_[at_] != U'|' && text_[at_] != U')') out->parts.push_back(repeated(depth));
    return out->parts.size() == 1 ? std::move(out->parts[0]) : std::move(out);
  }

  TermPtr repeated(int depth) {
    TermPtr term = atom(depth);
    const bool assertion = term->kind == Term::Kind::begin || term->kind == Term::Kind::end;
    int min = 1, max = 1;
    if (eat(U'*')) {
      min = 0, max = kUnbounded;
    } else if (eat(U'+')) {
      max = kUnbounded;
    } else if (eat(U'?')) {
      min = 0;
    } else if (!bounds(min, max)) {
      return term;
    }
    if (assertion) refuse("repeats ^ or $");
    eat(U'?');  // which of the matches is found first does not matter here
    if (eat(U'+') || eat(U'*') || eat(U'?')) refuse("repeats a repetition");
    TermPtr out = make(Term::Kind::repeat);
    out->parts.push_back(std::move(term));
    out->min = min;
    out->max = max;
    return out;
  }

  /// {m}, {m,} or {m,n}; nothing is read if it is something else.
  bool bounds(int& min, int& max) {
    const size_t begin = at_;
    const auto number = [&]() -> std::optional<int> {
      if (peek() < '0' || peek() > '9') return std::nullopt;
      int n = 0;
      for (; peek() >= '0' && peek() <= '9'; ++at_) {
        n = n * 10 + int(peek() - '0');
        if (n > kMaxRepeats) refuse(fmt::format("repeats more than {} times", kMaxRepeats));
      }
      return n;
    };
    if (eat(U'{'))
      if (const auto low = number()) {
        std::optional<int> high = low;
        if (eat(U',')) high = peek() == U'}' ? kUnbounded : number();
        if (high && eat(U'}')) {
          if (*high < *low) refuse("has bounds of a repetition out of order");
          min = *low, max = *high;
          return true;
        }
      }
    at_ = begin;
    return false;
  }

  TermPtr atom(int depth) {
    const char32_t c = text_[at_++];
    switch (c) {
      case U'(': {
        if (eat(U"?=") || eat(U"?!") || eat(U"?<=") || eat(U"?<!")) refuse("uses look-around, which is not supported");
        if (eat(U"?<")) {
          while (at_ < text_.size() && text_[at_] != U'>') ++at_;
          if (!eat(U'>')) refuse("has a group name without >");
        } else if (!eat(U"?:") && peek() == U'?') {
          refuse("has a group of a kind that is not supported");
        }
        TermPtr inner = choice(depth + 1);
        if (!eat(U')')) refuse("has ( without )");
        return inner;
      }
      case U'[': return make(char_class());
      case U'.': return make(line_ends().complement());
      case U'^': return make(Term::Kind::begin);
      case U'$': return make(Term::Kind::end);
      case U'*':
      case U'+':
      case U'?': refuse("repeats nothing");
      case U'\\': return make(escape(false));
      default: return make(CharSet(c, c));
    }
  }

  CharSet char_class() {
    const bool negated = eat(U'^');
    CharSet out;
    while (!eat(U']')) {
      if (at_ >= text_.size()) refuse("has [ without ]");
      const CharSet low = class_atom();
      const bool single = low.ranges().size() == 1 && low.ranges()[0].first == low.ranges()[0].last;
      if (single && peek() == U'-' && at_ + 1 < text_.size() && text_[at_ + 1] != U']') {
        ++at_;
        const CharSet high = class_atom();
        if (high.ranges().size() != 1 || high.ranges()[0].first != high.ranges()[0].last)
          refuse("has a range that ends in a class");
        if (high.ranges()[0].first < low.ranges()[0].first) refuse("has a range out of order");
        out.add(low.ranges()[0].first, high.ranges()[0].first);
      } else {
        out.add(low);
      }
    }
    return negated ? out.complement() : out;
  }

  CharSet class_atom() {
    const char32_t c = text_[at_++];
    return c == U'\\' ? escape(true) : CharSet(c, c);
  }

  /// Behind the backslash.
  CharSet escape(bool in_class) {
    if (at_ >= text_.size()) refuse("ends in a backslash");
    const char32_t c = text_[at_++];
    switch (c) {
      case U'd': return digits();
      case U'D': return digits().complement();
      case U'w': return word_chars();
      case U'W': return word_chars().complement();
      case U's': return spaces();
      case U'S': return spaces().complement();
      case U't': return one('\t');
      case U'n': return one('\n');
      case U'v': return one('\v');
      case U'f': return one('\f');
      case U'r': return one('\r');
      case U'0':
        if (peek() >= U'0' && peek() <= U'9') refuse("has an octal escape");
        return one(0);
      case U'c': {
        const char32_t letter = peek() | 0x20;
        if (letter < U'a' || letter > U'z') refuse("has \\c without a letter");
        ++at_;
        return one(letter & 31);
      }
      case U'x': return one(hex(2));
      case U'u': return one(unicode());
      case U'b':
        if (in_class) return one('\b');
        refuse("uses \\b, which is not supported");
      case U'B': refuse("uses \\B, which is not supported");
      case U'p':
      case U'P': refuse("uses \\p, which is not supported");
      case U'k': refuse("uses a back reference, which is not supported");
      default:
        if (c >= U'1' && c <= U'9') refuse("uses a back reference, which is not supported");
        if ((c | 0x20) >= U'a' && (c | 0x20) <= U'z') refuse("has an unknown escape");
        return one(c);
    }
  }

  CharSet one(char32_t c) const {
    const CharSet set(c, c);
    if (set.empty()) refuse("has an escape that is no character");
    return set;
  }

  char32_t hex(int digits) {
    char32_t value = 0;
    for (int i = 0; i < digits; ++i, ++at_) value = value * 16 + hex_digit();
    return value;
  }
  char32_t hex_digit() const {
    const char32_t c = peek(), lower = c | 0x20;
    if (c >= U'0' && c <= U'9') return c - U'0';
    if (lower < U'a' || lower > U'f') refuse("has an escape with too few hexadecimal digits");
    return lower - U'a' + 10;
  }

  char32_t unicode() {
    if (eat(U'{')) {
      char32_t value = 0;
      do {
        value = value * 16 + hex_digit();
        ++at_;
        if (value > 0x10FFFF) refuse("has an escape that is no character");
      } while (!eat(U'}'));
      return value;
    }
    const char32_t high = hex(4);
    if (high < 0xD800 || high > 0xDBFF || !eat(U"\\u")) return high;
    const char32_t low = hex(4);
    if (low < 0xDC00 || low > 0xDFFF) refuse("has half of a surrogate pair");
    return 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
  }

  std::string_view pattern_;
  std::u32string text_;
  size_t at_ = 0;
};

/// Adds a term between two states.
void build(CharNfa& nfa, const Term& term, int from, int to) {
  switch (term.kind) {
    case Term::Kind::chars: nfa.add_edge(from, term.chars, to); break;
    case Term::Kind::begin: nfa.add_move(from, to, CharNfa::When::at_begin); break;
    case Term::Kind::end: nfa.add_move(from, to, CharNfa::When::at_end); break;
    case Term::Kind::choice:
      for (const TermPtr& part : term.parts) build(nfa, *part, from, to);
      break;
    case Term::Kind::sequence:
      for (const TermPtr& part : term.parts) {
        const int next = nfa.add_state();
        build(nfa, *part, from, next);
        from = next;
      }
      nfa.add_move(from, to);
      break;
    case Term::Kind::repeat:
      for (int i = 0; i < term.min; ++i) {
        const int next = nfa.add_state();
        build(nfa, *term.parts[0], from, next);
        from = next;
      }
      if (term.max == kUnbounded) {
        const int loop = nfa.add_state(), back = nfa.add_state();
        nfa.add_move(from, loop);
        build(nfa, *term.parts[0], loop, back);
        nfa.add_move(back, loop);
        from = loop;
      } else {
        for (int i = term.min; i < term.max; ++i) {
          const int next = nfa.add_state();
          nfa.add_move(from, to);
          build(nfa, *term.parts[0], from, next);
          from = next;
        }
      }
      nfa.add_move(from, to);
      break;
  }
}

/// A term without ^ at its beginning and $ at its end, if it has both.
const Term* anchored(const Term& term) {
  const bool both = term.kind == Term::Kind::sequence && term.parts.size() == 3 &&
                    term.parts[0]->kind == Term::Kind::begin && term.parts[2]->kind == Term::Kind::end;
  return both ? term.parts[1].get() : nullptr;
}

}  // namespace

Text regex_language(std::string_view pattern, Match match) {
  const TermPtr term = Parser(pattern).parse();
  const Term* inner = anchored(*term);
  const Term* whole = inner ? inner : match == Match::whole ? term.get() : nullptr;
  if (whole && whole->kind == Term::Kind::repeat && whole->parts[0]->kind == Term::Kind::chars &&
      (whole->min > kCounted || (whole->max != kUnbounded && whole->max > kCounted))) {
    Text text;
    for (const auto& r : whole->parts[0]->chars.ranges()) text.language.states[0].edges.push_back({r.first, r.last, 0});
    text.language.states[0].accepting = true;
    text.min = whole->min;
    text.max = whole->max;
    return text;
  }

  CharNfa nfa;
  const int start = nfa.add_state(), from = nfa.add_state(), to = nfa.add_state(), end = nfa.add_state();
  nfa.add_move(start, from);
  nfa.add_move(to, end);
  if (match == Match::part) {
    // Where the search began: characters before it, which ^ does not follow, and characters behind the match.
    const int before = nfa.add_state(), behind = nfa.add_state();
    nfa.add_edge(start, CharSet::all(), before);
    nfa.add_edge(before, CharSet::all(), before);
    nfa.add_move(before, from);
    nfa.add_move(to, behind);
    nfa.add_edge(behind, CharSet::all(), behind);
    nfa.add_move(behind, end);
  }
  build(nfa, *term, from, to);
  Text text;
  try {
    text.language = nfa.determinize(start, end);
  } catch (const Error& error) {
    fail("pattern {}: {}", quote(pattern), error.what());
  }
  return text;
}

RulePtr regex(std::string_view pattern) { return make_rule(regex_language(pattern, Match::whole)); }

}  // namespace dure::grammar
