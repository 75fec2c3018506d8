#pragma once

namespace dure {

/// The same as in CMakeLists.txt.
constexpr const char* kVersion = "0.1.0";

}  // namespace dure
