#pragma once

#include <CLI/CLI.hpp>

namespace dure {

// The subcommands of dure data that have a file of their own.
void add_data_generate(CLI::App& parent);
void add_data_fetch(CLI::App& parent);

}  // namespace dure
