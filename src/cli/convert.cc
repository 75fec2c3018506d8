#include "cli/app.h"

namespace dure {

void add_convert(CLI::App&) {}

}  // namespace dure
