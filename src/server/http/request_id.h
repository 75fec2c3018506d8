#pragma once

#include <string>
#include <string_view>

namespace dure {

/// The id that a client or a proxy gave, if it is fit for logs and headers ([A-Za-z0-9._-]{1,64}); else a new one.
std::string request_id(std::string_view given);

}  // namespace dure
