#include "text/tools/call_reader.h"

namespace dure {

CallReader::Step CallReader::bytes(std::string_view plain, std::string_view after) {
  for (size_t i = 0; i < plain.size(); ++i) {
    const Step step = byte(plain[i]);
    if (step == Step::more) continue;
    rest_ = plain.substr(step == Step::done ? i + 1 : i);
    rest_ += after;
    return step;
  }
  return Step::more;
}

CallReader::Step CallReader::feed(char c) {
  MarkerScanner* scanner = markers();
  if (scanner == nullptr) return bytes({&c, 1}, "");
  std::string plain;
  const std::string_view found = scanner->feed(c, plain);
  if (Step step = bytes(plain, found); step != Step::more) {
    rest_ += scanner->take();
    return step;
  }
  if (found.empty()) return Step::more;
  const Step step = marker(found);
  if (step == Step::done_before || step == Step::refused) rest_ = found;
  return step;
}

CallReader::Step CallReader::finish() {
  MarkerScanner* scanner = markers();
  const std::string held = scanner == nullptr ? "" : scanner->take();
  const Step step = bytes(held, "");
  return step == Step::more ? end() : step;
}

}  // namespace dure
