// Whatever a hub answers, it is a commit, files that stay below their folder, a place to go to, or an Error. The first
// byte says which answer it is.

#include <cstdint>

#include "base/error.h"
#include "toolbox/client/url.h"
#include "toolbox/hub/api.h"

namespace {

void require_true(bool condition) {
  if (!condition) __builtin_trap();
}

void read_answer(uint8_t kind, const std::string& text) {
  switch (kind % 4) {
    case 0: require_true(dure::is_hex_digest(dure::parse_commit(text, "input"), 40)); break;
    case 1:
      for (const dure::HubFile& f : dure::parse_tree(text, "input")) {
        require_true(dure::is_safe_path(f.path) && f.size >= 0);
        require_true(dure::is_hex_digest(f.digest, 40) || dure::is_hex_digest(f.digest, 64));
      }
      break;
    case 2: {
      const std::string next = dure::next_link(text);
      require_true(text.find(next) != text.npos);
      break;
    }
    default:
      require_true(dure::origin_of(dure::follow_location("https://hub.example/a/b?c", text)).starts_with("https://"));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  try {
    read_answer(data[0], {reinterpret_cast<const char*>(data) + 1, size - 1});
  } catch (const dure::Error&) {}
  return 0;
}
