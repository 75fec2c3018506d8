// Whatever the body of a PUT is, the chat page's interface stores it and gives it back, or refuses it with a 4xx.

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/utf8.h"
#include "server/ui/test_ui.h"

namespace {

/// A PUT that creates; on success the same again must find it stored.
void put(dure::TestUi& ui, const std::string& path, const std::string& body) {
  const auto answer = ui.call("PUT", path, body, {{"if-none-match", "*"}});
  if (answer.status / 100 == 4) {
    if (answer.code().empty()) __builtin_trap();
    return;
  }
  if (answer.status != 201) __builtin_trap();
  const auto again = ui.call("PUT", path, body, {{"if-none-match", "*"}});
  if (again.status != 200 || again.text != answer.text) __builtin_trap();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static dure::TestUi ui;
  const std::string body(reinterpret_cast<const char*>(data), size);
  ui.store->remove_all();
  put(ui, "/ui/conversations/c", body);
  ui.call("PUT", "/ui/conversations/d", R"({"title":"","settings":{},"created_at":0})", {{"if-none-match", "*"}});
  put(ui, "/ui/conversations/d/messages/m", body);
  ui.call("PUT", "/ui/conversations/d/messages/a",
          R"({"role":"assistant","status":"complete","content":"","created_at":0})", {{"if-none-match", "*"}});
  const int judged = ui.call("PUT", "/ui/conversations/d/messages/a/feedback", body).status;
  if (judged != 200 && judged / 100 != 4) __builtin_trap();
  // The body as a query: whatever it is, a list or a refusal.
  if (dure::is_utf8(body)) {
    const int listed = ui.call("GET", "/ui/conversations?q=" + body.substr(0, body.find('&'))).status;
    if (listed != 200 && listed != 400) __builtin_trap();
  }
  return 0;
}
