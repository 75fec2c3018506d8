#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace dure {

constexpr char32_t kReplacementCharacter = 0xFFFD;

/// Decodes the character at `at` and advances past it. Of an invalid sequence it takes the maximal subpart (Unicode
/// 3.9, table 3-8), as Python and Rust do, and returns U+FFFD.
/// REQUIRES: at < text.size().
char32_t next_utf8(std::string_view text, size_t& at);

void append_utf8(std::string& out, char32_t c);

bool is_utf8(std::string_view text);

/// The text with every invalid part replaced by one U+FFFD.
std::string sanitize_utf8(std::string_view text);

/// Bytes at the end of `text` that begin a character but do not finish it: 0 to 3. A stream holds them back.
size_t unfinished_utf8(std::string_view text);

}  // namespace dure
