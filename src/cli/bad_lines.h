#pragma once

#include "train/data/documents.h"

namespace dure {

/// Tells on stderr which lines were left out, if any were.
void report_bad_lines(const BadLines& bad);

}  // namespace dure
