#pragma once

#include <string>
#include <string_view>

namespace dure {

/// Rewrites a regular expression of a Hugging Face tokenizer (Oniguruma, also read by Rust's fancy-regex) for PCRE2
/// with UTF and UCP. The two agree but for: \s (exactly Unicode White_Space), \w, \b, \h (a hexadecimal digit), \uXXXX,
/// and \p{Han} (the script, not its extensions). Throws Error for what PCRE2 would read differently: nested classes and
/// && inside a class.
std::string to_pcre2(std::string_view pattern);

}  // namespace dure
