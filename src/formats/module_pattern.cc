#include "formats/module_pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/error.h"

namespace dure {
namespace {

// Paths are short, so that a sane pattern needs some hundred steps.
constexpr uint32_t kMatchLimit = 100'000;
constexpr uint32_t kHeapLimitKib = 16 * 1024;
constexpr size_t kMaxPattern = 1 << 16;

template <auto Free>
struct Deleter {
  template <class T>
  void operator()(T* p) const {
    Free(p);
  }
};

PCRE2_SPTR units(std::string_view text) { return reinterpret_cast<PCRE2_SPTR>(text.data()); }

}  // namespace

struct ModulePattern::Code {
  std::string source;
  std::unique_ptr<pcre2_code, Deleter<pcre2_code_free>> code;
  std::unique_ptr<pcre2_match_context, Deleter<pcre2_match_context_free>> limits;
};

ModulePattern::ModulePattern(const std::string& pattern, std::string source) {
  auto compiled = std::make_shared<Code>();
  compiled->source = fmt::format("{}: regular expression {}", source, quote(pattern));
  std::unique_ptr<pcre2_compile_context, Deleter<pcre2_compile_context_free>> context(
      pcre2_compile_context_create(nullptr));
  pcre2_set_parens_nest_limit(context.get(), 100);
  pcre2_set_max_pattern_length(context.get(), kMaxPattern);
  int error = 0;
  size_t offset = 0;
  compiled->code.reset(pcre2_compile(units(pattern), pattern.size(),
                                     PCRE2_ANCHORED | PCRE2_ENDANCHORED | PCRE2_NEVER_UTF | PCRE2_NEVER_BACKSLASH_C,
                                     &error, &offset, context.get()));
  if (!compiled->code) {
    char message[200] = "";
    pcre2_get_error_message(error, reinterpret_cast<PCRE2_UCHAR*>(message), sizeof message);
    fail("{}: {} (at byte {})", compiled->source, message, offset);
  }
  compiled->limits.reset(pcre2_match_context_create(nullptr));
  pcre2_set_match_limit(compiled->limits.get(), kMatchLimit);
  pcre2_set_heap_limit(compiled->limits.get(), kHeapLimitKib);
  code_ = std::move(compiled);
}

bool ModulePattern::matches(std::string_view path, std::string* first_group) const {
  const std::unique_ptr<pcre2_match_data, Deleter<pcre2_match_data_free>> data(pcre2_match_data_create(2, nullptr));
  // The interpreter: its state lies on the heap and is limited.
  const int found =
      pcre2_match(code_->code.get(), units(path), path.size(), 0, PCRE2_NO_JIT, data.get(), code_->limits.get());
  if (found == PCRE2_ERROR_NOMATCH) return false;
  require(found >= 0, "{}: gave up on {} (PCRE2 error {})", code_->source, quote(path), found);
  const size_t* range = pcre2_get_ovector_pointer(data.get());
  const bool grouped = found != 1 && range[2] != PCRE2_UNSET && range[2] <= range[3];
  if (first_group != nullptr) *first_group = grouped ? path.substr(range[2], range[3] - range[2]) : std::string_view();
  return true;
}

}  // namespace dure
