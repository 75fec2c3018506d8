#include "cli/server_options.h"

#include <cstdlib>

namespace dure {

void ServerOptions::add_to(CLI::App& command, const std::string& help) {
  command.add_option("--server", url, help)->type_name("URL");
  command.add_option("--api-key", key, "A key that the server knows; better in DURE_API_KEY")->type_name("KEY");
}

ServerClient::Options ServerOptions::client(std::chrono::seconds stall) const {
  const char* known = std::getenv("DURE_API_KEY");
  return {url.find("://") == url.npos ? "http://" + url : url, key.empty() && known != nullptr ? known : key, stall};
}

}  // namespace dure
