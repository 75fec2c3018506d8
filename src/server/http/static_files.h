#pragma once

#include <span>
#include <string_view>

#include "server/http/router.h"

namespace dure {

struct StaticFile {
  std::string_view path;  ///< "index.html", "assets/index-CatFx6vF.js"
  std::string_view bytes;
  std::string_view gzip;  ///< the same, compressed; empty: not worth it
};

/// The chat page, web/dist, as it was when the program was built.
std::span<const StaticFile> web_bundle();

/// Serves each file by its path, index.html as "/". What lies in assets/ has a hash of its content in its name and may
/// be kept for ever; the rest is asked for again with its ETag. Without a key, with the headers that web/API.md
/// ("Files") wants. REQUIRES: the bytes outlive the router.
void add_static_files(Router& router, std::span<const StaticFile> files);

}  // namespace dure
