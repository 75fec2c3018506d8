#pragma once

#include <string>
#include <string_view>

namespace dure {

/// A model on a hub, written OWNER/NAME[:REVISION]. A revision is a branch, a tag, a commit or a ref such as refs/pr/1.
struct HubName {
  std::string id;  ///< OWNER/NAME
  std::string revision = "main";

  std::string text() const { return revision == "main" ? id : id + ":" + revision; }
};

/// Whether this can be OWNER/NAME by the rules of the Hugging Face hub: two parts of letters, digits, '-', '_' and '.',
/// neither begun nor ended by '-' or '.', without "--" and "..".
bool is_hub_id(std::string_view text);

/// Throws Error if the text is not OWNER/NAME[:REVISION].
HubName parse_hub_name(std::string_view text);

/// Whether this is 40 (SHA-1: commits, git blobs) or 64 (SHA-256) lower-case hexadecimal digits.
bool is_hex_digest(std::string_view text, size_t digits);

/// Whether a name from outside is a file below a folder whatever the folder is: relative, no "." or ".." or empty part,
/// parts of at most 255 bytes, 1024 in all, UTF-8 without control characters and backslashes.
bool is_safe_path(std::string_view path);

}  // namespace dure
