#include "chat/call_id.h"

#include <random>

namespace dure {

std::string make_call_id() {
  constexpr std::string_view kLetters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  std::random_device system;  // the kernel's own randomness
  std::uniform_int_distribution<size_t> letter(0, kLetters.size() - 1);
  std::string id = "call_";
  for (int i = 0; i < 24; ++i) id += kLetters[letter(system)];
  return id;
}

}  // namespace dure
