#pragma once

#include <nlohmann/json_fwd.hpp>

#include "base/ordered_map.h"

namespace dure {

/// JSON whose objects keep the order of the file. This header only names the type, for interfaces that hand one on.
using Json = nlohmann::basic_json<OrderedMap>;

}  // namespace dure
