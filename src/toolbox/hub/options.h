#pragma once

#include <chrono>
#include <filesystem>
#include <string>

namespace dure {

/// Where models come from and where they are kept. The command line fills it from options and the environment.
struct HubOptions {
  std::string endpoint = "https://huggingface.co";  ///< scheme, host, port and perhaps a path; no '/' at the end
  std::string token;                                ///< sent to the endpoint's own origin only; empty: none
  std::filesystem::path cache;                      ///< holds models--OWNER--NAME
  bool offline = false;                             ///< ask nobody
  int jobs = 4;                                     ///< files fetched at once
  int retries = 5;                                  ///< attempts after one that brought nothing
  std::chrono::seconds stall{30};                   ///< a connection silent for so long counts as broken
};

}  // namespace dure
