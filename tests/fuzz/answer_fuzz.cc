// Whatever an answer is, it is right or wrong; and a number that was read is read again as it was written.

#include <cstdlib>

#include "train/rewards/final_answer.h"
#include "train/rewards/problem.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view answer(reinterpret_cast<const char*>(data), size);
  dure::Problem problem{.messages = {},
                        .kind = "countdown",
                        .language = "",
                        .answer = "12 remainder 3",
                        .numbers = {3, 7, 2},
                        .target = 20};
  dure::check(problem, answer);
  problem.kind = "gsm8k";
  dure::check(problem, answer);
  for (const std::string& number : dure::numbers_in(answer))
    if (dure::numbers_in(number) != std::vector<std::string>{number}) std::abort();
  return 0;
}
