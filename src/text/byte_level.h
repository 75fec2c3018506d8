#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace dure {

/// The alphabet of byte-level BPE (GPT-2, encoder.py bytes_to_unicode): every byte has one printable character. Bytes
/// that print in Latin-1 stand for themselves, the other 68 take U+0100 upwards, so a space is U+0120 (Ġ).
std::string bytes_to_characters(std::string_view bytes);

/// The bytes that `text` stands for, or nothing if a character is not of the alphabet. `text` is valid UTF-8.
std::optional<std::string> characters_to_bytes(std::string_view text);

}  // namespace dure
