#include "text/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/error.h"
#include "base/utf8.h"
#include "text/regex_dialect.h"
#include "text/unicode.h"

namespace dure {
namespace {

// Steps of one match attempt. The patterns of published tokenizers need a few per character.
constexpr uint32_t kMatchLimit = 50'000'000;
constexpr uint32_t kHeapLimitKib = 256 * 1024;

template <auto Free>
struct Deleter {
  template <class T>
  void operator()(T* p) const {
    Free(p);
  }
};
using MatchData = std::unique_ptr<pcre2_match_data, Deleter<pcre2_match_data_free>>;

PCRE2_SPTR units(std::string_view text) { return reinterpret_cast<PCRE2_SPTR>(text.data()); }

/// Matches of \s+$ ($ is the end of a line): a run of white space up to the end of the text or to its last newline.
void find_line_end_spaces(std::string_view text, std::vector<TextRange>& out) {
  constexpr size_t kNone = std::string_view::npos;
  size_t begin = kNone, last_newline = kNone;
  for (size_t at = 0; at < text.size();) {
    const size_t here = at;
    if (!is_white_space(next_utf8(text, at))) {
      if (last_newline != kNone && last_newline > begin) out.push_back({begin, last_newline});
      begin = last_newline = kNone;
      continue;
    }
    if (begin == kNone) begin = here;
    if (text[here] == '\n') last_newline = here;
  }
  if (begin != kNone) out.push_back({begin, text.size()});
}

}  // namespace

struct RegexCode {
  std::unique_ptr<pcre2_code, Deleter<pcre2_code_free>> code;
  std::unique_ptr<pcre2_match_context, Deleter<pcre2_match_context_free>> limits;
  bool jit = false;
};

Regex::Regex(const TextPattern& pattern, std::string_view source) : source_(source) {
  if (!pattern.is_regex) {
    literal_ = pattern.text;
    return;
  }
  is_line_end_spaces_ = pattern.text == R"(\s+$)";
  if (is_line_end_spaces_) return;

  std::string translated;
  try {
    translated = to_pcre2(pattern.text);
  } catch (const Error& e) {
    fail("{}: regular expression {}: {}", source, quote(pattern.text), e.what());
  }
  std::unique_ptr<pcre2_compile_context, Deleter<pcre2_compile_context_free>> context(
      pcre2_compile_context_create(nullptr));
  // Oniguruma: $ and ^ are line ends, and only \n ends a line.
  pcre2_set_newline(context.get(), PCRE2_NEWLINE_LF);
  pcre2_set_parens_nest_limit(context.get(), 100);
  pcre2_set_max_pattern_length(context.get(), 1 << 20);
  int error = 0;
  size_t offset = 0;
  code_ = std::make_unique<RegexCode>();
  code_->code.reset(
      pcre2_compile(units(translated), translated.size(),
                    PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NO_UTF_CHECK | PCRE2_NEVER_BACKSLASH_C, &error,
                    &offset, context.get()));
  if (!code_->code) {
    char message[200] = "";
    pcre2_get_error_message(error, reinterpret_cast<PCRE2_UCHAR*>(message), sizeof message);
    fail("{}: regular expression {}: {} (at byte {})", source, quote(pattern.text), message, offset);
  }
  code_->limits.reset(pcre2_match_context_create(nullptr));
  pcre2_set_match_limit(code_->limits.get(), kMatchLimit);
  pcre2_set_heap_limit(code_->limits.get(), kHeapLimitKib);
  code_->jit = pcre2_jit_compile(code_->code.get(), PCRE2_JIT_COMPLETE) == 0;
}

Regex::~Regex() = default;
Regex::Regex(Regex&&) noexcept = default;

void Regex::find_all(std::string_view text, std::vector<TextRange>& out) const {
  if (is_line_end_spaces_) return find_line_end_spaces(text, out);
  if (!code_) {
    if (literal_.empty()) return;
    for (size_t at = text.find(literal_); at != text.npos; at = text.find(literal_, at + literal_.size()))
      out.push_back({at, at + literal_.size()});
    return;
  }
  const MatchData data(pcre2_match_data_create(1, nullptr));
  const size_t* range = pcre2_get_ovector_pointer(data.get());
  size_t last_end = text.npos;
  for (size_t at = 0; at <= text.size();) {
    int found = PCRE2_ERROR_JIT_STACKLIMIT;
    if (code_->jit)
      found = pcre2_jit_match(code_->code.get(), units(text), text.size(), at, PCRE2_NO_UTF_CHECK, data.get(),
                              code_->limits.get());
    // The interpreter keeps its state on the heap, so very long backtracking falls to it.
    if (found == PCRE2_ERROR_JIT_STACKLIMIT)
      found = pcre2_match(code_->code.get(), units(text), text.size(), at, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT,
                          data.get(), code_->limits.get());
    if (found == PCRE2_ERROR_NOMATCH) return;
    require(found >= 0, "{}: a regular expression gave up on a text of {} bytes (PCRE2 error {})", source_, text.size(),
            found);
    if (range[0] >= range[1]) {  // empty; \K could even turn it around
      const size_t here = range[1];
      if (here != last_end) out.push_back({here, here});
      last_end = here;
      at = here;
      if (at >= text.size()) return;
      next_utf8(text, at);
    } else {
      out.push_back({range[0], range[1]});
      last_end = at = range[1];
    }
  }
}

std::string Regex::replace_all(std::string_view text, std::string_view content) const {
  std::vector<TextRange> matches;
  find_all(text, matches);
  std::string out;
  out.reserve(text.size());
  size_t at = 0;
  for (const auto [begin, end] : matches) {
    out.append(text, at, begin - at);
    out += content;
    at = end;
  }
  out.append(text, at);
  return out;
}

}  // namespace dure
