#pragma once

#include <CLI/CLI.hpp>

#include "toolbox/client/server_client.h"

namespace dure {

/// Options of commands that ask a running server: --server, --api-key.
struct ServerOptions {
  std::string url, key;

  /// `help`: of --server.
  void add_to(CLI::App& command, const std::string& help);
  /// The key of the option, else that of DURE_API_KEY; http:// where the address says nothing.
  ServerClient::Options client(std::chrono::seconds stall) const;
};

}  // namespace dure
