#include "text/encoding/encoding.h"

#include "base/error.h"
#include "text/encoding/deepseek_v32.h"
#include "text/encoding/deepseek_v4.h"
#include "text/encoding/deepseek_v41.h"

namespace dure {

std::unique_ptr<PromptRenderer> make_encoding(std::string_view name) {
  if (name == "deepseek-v3.2") return make_deepseek_v32_encoding();
  if (name == "deepseek-v4") return make_deepseek_v4_encoding();
  if (name == "deepseek-v4-0731") return make_deepseek_v4_0731_encoding();
  if (name == "deepseek-v4.1") return make_deepseek_v41_encoding();
  fail("no prompt encoding named {}; there are deepseek-v3.2, deepseek-v4, deepseek-v4-0731 and deepseek-v4.1",
       quote(name));
}

}  // namespace dure
