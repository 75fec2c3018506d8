#include "toolbox/client/sse_parser.h"

#include <gtest/gtest.h>

#include <vector>

#include "base/error.h"

namespace dure {
namespace {

using Events = std::vector<std::pair<std::string, std::string>>;

/// What comes of `stream` in pieces of `size` bytes.
Events events_of(std::string_view stream, size_t size) {
  Events events;
  SseParser parser([&](SseEvent e) { events.emplace_back(std::move(e.name), std::move(e.data)); });
  for (size_t at = 0; at < stream.size(); at += size) parser.push(stream.substr(at, size));
  return events;
}

TEST(SseParser, EventsWhereverTheStreamIsCut) {
  struct Case {
    std::string_view stream;
    Events expected;
  };
  const Case cases[] = {
      {"data: a\n\ndata: b\n\n", {{"", "a"}, {"", "b"}}},
      {"data: a\r\n\r\ndata: b\r\n\r\n", {{"", "a"}, {"", "b"}}},
      {"data: a\r\rdata: b\r\r", {{"", "a"}, {"", "b"}}},
      {"data: a\r\n\ndata: b\n\r\n", {{"", "a"}, {"", "b"}}},
      {"\xEF\xBB\xBF"
       "data: a\n\n\xEF\xBB\xBF"
       "data: b\n\n",
       {{"", "a"}}},
      {": alive\n\n:\ndata: a\n: still\n\n", {{"", "a"}}},
      {"data: a\ndata:\ndata: b\n\n", {{"", "a\n\nb"}}},
      {"data\n\n", {{"", ""}}},
      {"data:a\n\ndata:  a\n\ndata: a: b\n\n", {{"", "a"}, {"", " a"}, {"", "a: b"}}},
      {"event: error\ndata: a\n\ndata: b\n\n", {{"error", "a"}, {"", "b"}}},
      {"event: ping\n\ndata: b\n\n", {{"", "b"}}},
      {"id: 7\nretry: 10\nDATA: x\n data: x\ndata: a\n\n", {{"", "a"}}},
      {"data: a\n\ndata: cut off\n", {{"", "a"}}},
      {"data: \xED\x95\x9C\xEA\xB8\x80\n\n", {{"", "\xED\x95\x9C\xEA\xB8\x80"}}},
      {"\n\r\n\r", {}},
  };
  for (const Case& c : cases)
    for (size_t size = 1; size <= c.stream.size(); ++size)
      EXPECT_EQ(events_of(c.stream, size), c.expected) << c.stream << " in pieces of " << size;
}

TEST(SseParser, RefusesWhatNeverEnds) {
  SseParser parser([](const SseEvent&) {});
  const std::string piece(SseParser::kMaxEvent / 2 - 16, 'x');
  parser.push("data: " + piece);
  parser.push(piece + "\n");
  EXPECT_THROW(parser.push("data: " + piece + "\n"), Error);
  SseParser line([](const SseEvent&) {});
  EXPECT_THROW(line.push(std::string(SseParser::kMaxEvent + 1, ':')), Error);
}

}  // namespace
}  // namespace dure
