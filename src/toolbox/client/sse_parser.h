#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace dure {

/// One server-sent event. Ids and reconnection times are left out: an answer that broke cannot be resumed.
struct SseEvent {
  std::string name;  ///< of the "event" field; empty: "message"
  std::string data;  ///< its "data" lines, joined by line breaks
};

/// Takes a text/event-stream apart, wherever the network cuts it: lines end with LF, CR or CRLF, a byte order mark
/// may stand first, comments and unknown fields count for nothing, an event that the end of the stream cuts off is
/// dropped. Source: HTML Living Standard, 9.2.6 "Interpreting an event stream".
class SseParser {
 public:
  static constexpr size_t kMaxEvent = 16 << 20;  ///< bytes of one event, and of one line

  /// REQUIRES: `on_event` is callable.
  explicit SseParser(std::function<void(SseEvent)> on_event) : on_event_(std::move(on_event)) {}

  /// Throws Error if an event grows beyond kMaxEvent, and whatever on_event throws.
  void push(std::string_view bytes);

 private:
  void take_line();
  void take_field(std::string_view name, std::string_view value);

  std::function<void(SseEvent)> on_event_;
  std::string line_;
  SseEvent event_;
  bool has_data_ = false;   ///< an event without a data line is none
  bool after_cr_ = false;   ///< a LF that comes now belongs to the line that has ended
  bool first_line_ = true;  ///< where a byte order mark may stand
};

}  // namespace dure
