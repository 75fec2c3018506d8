#include "toolbox/hub/name.h"

#include <algorithm>

#include "base/error.h"
#include "base/utf8.h"

namespace dure {
namespace {

bool is_word(std::string_view part) {
  constexpr size_t kMaxLength = 96;
  const auto in_alphabet = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.';
  };
  const auto may_end = [](char c) { return c != '-' && c != '.'; };
  return !part.empty() && part.size() <= kMaxLength && std::all_of(part.begin(), part.end(), in_alphabet) &&
         may_end(part.front()) && may_end(part.back()) && part.find("--") == part.npos && part.find("..") == part.npos;
}

/// As a file below refs/, and without what git forbids in names or URLs give a meaning.
bool is_revision(std::string_view text) {
  return is_safe_path(text) && text.size() <= 200 && text.find_first_of(" ~^:?*[#%") == text.npos;
}

}  // namespace

bool is_hub_id(std::string_view text) {
  const size_t slash = text.find('/');
  return slash != text.npos && is_word(text.substr(0, slash)) && is_word(text.substr(slash + 1)) &&
         !text.ends_with(".git");
}

HubName parse_hub_name(std::string_view text) {
  const size_t colon = text.find(':');
  HubName name;
  name.id = text.substr(0, colon);
  require(is_hub_id(name.id), "{}: expected OWNER/NAME[:REVISION], such as deepseek-ai/DeepSeek-V2-Lite", quote(text));
  if (colon != text.npos) {
    name.revision = text.substr(colon + 1);
    require(is_revision(name.revision), "{}: expected a branch, a tag or a commit after ':', found {}", name.id,
            quote(name.revision));
  }
  return name;
}

bool is_hex_digest(std::string_view text, size_t digits) {
  return text.size() == digits && text.find_first_not_of("0123456789abcdef") == text.npos;
}

bool is_safe_path(std::string_view path) {
  if (path.empty() || path.size() > 1024 || !is_utf8(path)) return false;
  for (size_t begin = 0; begin <= path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view part = path.substr(begin, end - begin);
    if (part.empty() || part.size() > 255 || part == "." || part == "..") return false;
    begin = end + 1;
  }
  for (size_t i = 0; i < path.size();) {
    const char32_t c = next_utf8(path, i);
    if (c < 0x20 || (c >= 0x7f && c < 0xa0) || c == U'\\') return false;
  }
  return true;
}

}  // namespace dure
