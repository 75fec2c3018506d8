// Whatever the bytes are, they are the same events however the network cuts them.

#include <algorithm>
#include <cstdlib>
#include <utility>
#include <vector>

#include "toolbox/client/sse_parser.h"

namespace {

using Events = std::vector<std::pair<std::string, std::string>>;

Events events_of(std::string_view stream, size_t piece) {
  Events events;
  dure::SseParser parser([&](dure::SseEvent e) { events.emplace_back(std::move(e.name), std::move(e.data)); });
  for (size_t at = 0; at < stream.size(); at += piece) parser.push(stream.substr(at, piece));
  return events;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view stream(reinterpret_cast<const char*>(data), size);
  const Events whole = events_of(stream, std::max<size_t>(size, 1));
  for (const size_t piece : {1, 3})
    if (events_of(stream, piece) != whole) std::abort();
  return 0;
}
