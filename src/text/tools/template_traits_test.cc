#include "text/tools/template_traits.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/file.h"
#include "text/chat_template.h"
#include "text/encoding/encoding.h"
#include "text/tools/tool_format.h"

namespace dure {
namespace {

const std::filesystem::path kTemplates = std::filesystem::path(DURE_SHARED_DIR) / "data/chat_templates/templates";

/// The traits that a format has, one letter each.
std::string letters(const TemplateTraits& t) {
  std::string out;
  if (t.tools) out += 'T';
  if (t.calls) out += 'C';
  if (t.results) out += 'R';
  if (t.parallel_calls) out += 'P';
  if (t.text_and_calls) out += 'x';
  if (t.text_arguments) out += 's';
  if (t.null_content) out += 'n';
  return out;
}

TEST(TemplateTraits, AreFoundByTrying) {
  const struct {
    std::string_view source, expected;
  } cases[] = {
      {"{% for m in messages %}{{ m.content }}{% endfor %}", "R"},
      {"{% for m in messages %}{{ raise_exception('no') }}{% endfor %}", ""},
      {"{{ tools | tojson }}{% for m in messages %}{% for c in m.tool_calls %}{{ c.function.name }}"
       "{{ c.function.arguments | tojson }}{% endfor %}{{ m.content }}{% endfor %}",
       "TCRPxn"},
      {"{% for m in messages %}{% for c in m.tool_calls %}{{ c.function.name ~ c.function.arguments }}{% endfor %}"
       "{{ m.content + '' }}{% endfor %}",
       "CRPxs"},
      {"{% for m in messages %}{% if m.tool_calls and m.tool_calls | length > 1 %}{{ raise_exception('one') }}{% endif "
       "%}{% for c in m.tool_calls %}{{ c.function.name }}{{ c.function.arguments | tojson }}{% endfor %}{% endfor %}",
       "Cn"},
  };
  for (const auto& c : cases)
    EXPECT_EQ(letters(probe_template(ChatTemplate(std::string(c.source), "t"))), c.expected) << c.source;
}

TEST(ToolStyle, IsGenericWhereTheTemplateHasAFormatOfItsOwn) {
  for (const char* source :
       {"{{ tools | tojson }}{% for m in messages %}{% if m.tool_calls %}[TOOL_CALLS]{{ m.tool_calls | tojson }}"
        "{% else %}{{ m.content }}{% endif %}{% endfor %}",
        "{{ tools | tojson }}{% for m in messages %}{{ m.content }}{% for c in m.tool_calls %}<tool_call>\n"
        "<function={{ c.function.name }}>\n{% for k, v in c.function.arguments | items %}<parameter={{ k }}>{{ v }}"
        "</parameter>{% endfor %}</function></tool_call>{% endfor %}{% endfor %}"}) {
    const ToolStyle style = tool_style(ChatTemplate(source, "t"), source);
    EXPECT_EQ(style.format->name, "generic") << source;
    EXPECT_EQ(letters(style.traits), "") << source;
  }
}

TEST(TemplateTraits, OfTheEncodings) {
  for (const char* name : {"deepseek-v3.2", "deepseek-v4", "deepseek-v4-0731", "deepseek-v4.1"}) {
    EXPECT_EQ(letters(probe_template(*make_encoding(name))), "TCRPxn") << name;
    EXPECT_EQ(tool_style(*make_encoding(name), name).format->body, ToolFormat::Body::dsml) << name;
  }
}

TEST(TemplateTraits, OfThePublishedTemplates) {
  if (!std::filesystem::exists(kTemplates)) GTEST_SKIP() << "skipped: no " << kTemplates;
  const struct {
    std::string_view name, format, traits;
  } cases[] = {
      {"deepseek-v2", "generic", ""},
      {"deepseek-v3", "deepseek-v3", "CRPxsn"},
      {"deepseek-r1", "deepseek-v3", "CRPxn"},
      {"deepseek-r1-original", "deepseek-v3", "CRPsn"},
      {"deepseek-v3.1", "deepseek-v3.1", "CRPxn"},
      {"deepseek-v3.2", "deepseek-v3.2", "TCRPxn"},
      {"deepseek-v4", "deepseek-v4", "TCRPxn"},
      {"llama-3.1", "llama-3", "TCRn"},
      {"llama-3.2", "llama-3", "TCRn"},
      {"qwen2.5", "hermes", "TCRPxn"},
      {"qwen3", "hermes", "TCRPx"},
  };
  for (const auto& c : cases) {
    const std::string source = read_file(kTemplates / (std::string(c.name) + ".jinja"));
    EXPECT_EQ(detect_tool_format(source).name, c.format) << c.name;
    const ChatTemplate chat(source, std::string(c.name));
    EXPECT_EQ(letters(probe_template(chat)), c.traits) << c.name;
    EXPECT_EQ(tool_style(chat, source).format->name, c.format) << c.name;
  }
}

}  // namespace
}  // namespace dure
