#pragma once

#include <string>

namespace dure {

/// "call_" and 24 random characters: nobody meets the same twice, nor guesses another's. Thread-safe.
std::string make_call_id();

}  // namespace dure
