#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace dure {

/// White space of JSON, which is all that parsers of answers skip.
constexpr bool is_json_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }
/// Without white space at either end.
std::string_view trim_json_space(std::string_view text);

/// A byte of a string as JSON spells it within quotes.
void append_json_escaped(std::string& out, char c);
std::string json_escaped(std::string_view text);
std::string json_string(std::string_view text);  ///< within its quotes

/// Whether the text is a JSON number, true, false or null.
bool is_json_scalar(std::string_view text);

/// The text of a JSON string, byte by byte, from behind its opening quote.
class JsonStringReader {
 public:
  /// Appends what the byte completes; false: it was the closing quote.
  bool feed(char c, std::string& out);

 private:
  void escaped(char c, std::string& out);

  enum class State : uint8_t { plain, escape, hex } state_ = State::plain;
  int digits_ = 0;
  uint32_t unit_ = 0, high_ = 0;  // high_: the first half of a surrogate pair
};

/// One JSON value, byte by byte. Objects and arrays pass as they are, and so do numbers and literals; a string gives
/// its text. Not a validator: it only finds the end, and takes what it is given.
class JsonValueReader {
 public:
  enum class Step : uint8_t {
    more,
    end,         ///< the byte ended the value
    end_before,  ///< the value was over before it: not taken
  };
  Step feed(char c, std::string& out);
  /// Whether a quote is open, so that nothing is markup.
  bool in_string() const { return kind_ == Kind::string || quoted_; }
  bool is_scalar() const { return kind_ == Kind::scalar; }

 private:
  enum class Kind : uint8_t { none, container, string, scalar } kind_ = Kind::none;
  bool quoted_ = false, escape_ = false;
  int depth_ = 0;
  JsonStringReader text_;
};

}  // namespace dure
