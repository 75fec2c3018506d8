#include "text/chat_template.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"

namespace dure {
namespace {

const std::filesystem::path kShared = std::filesystem::path(DURE_SHARED_DIR) / "data/chat_templates";

std::string joined(const std::vector<Segment>& segments) {
  std::string out;
  for (const Segment& segment : segments) out += segment.text;
  return out;
}

TEST(ChatTemplate, RendersThePublishedTemplatesByteForByte) {
  std::ifstream lines(kShared / "golden.jsonl");
  if (!lines) GTEST_SKIP() << "skipped: no " << kShared / "golden.jsonl";
  int cases = 0;
  for (std::string line; std::getline(lines, line); ++cases) {
    const Json golden = parse_json(line, "golden.jsonl");
    const auto name = golden["template"].get<std::string>();
    SCOPED_TRACE(name + " " + golden["case"].get<std::string>());
    const ChatTemplate chat(read_file(kShared / "templates" / (name + ".jinja")), name);
    if (golden.contains("error")) {
      try {
        chat.render(golden["context"]);
        ADD_FAILURE() << "the template should have raised an exception";
      } catch (const Error& error) {
        EXPECT_NE(std::string(error.what()).find(golden["error"].get<std::string>()), std::string::npos)
            << error.what();
      }
      continue;
    }
    const std::vector<Segment> segments = chat.render_segments(golden["context"]);
    EXPECT_EQ(joined(segments), golden["rendered"].get<std::string>());
    for (size_t i = 1; i < segments.size(); ++i) EXPECT_NE(segments[i].trusted, segments[i - 1].trusted);
  }
  EXPECT_GT(cases, 0);
}

/// Segments in one line: what is not trusted stands in «».
std::string marked(const std::vector<Segment>& segments) {
  std::string out;
  for (const Segment& segment : segments) out += segment.trusted ? segment.text : "«" + segment.text + "»";
  return out;
}

TEST(ChatTemplate, MarksWhatComesFromTheCaller) {
  const Json context = parse_json(R"({"bos_token": "<s>", "date": "today", "n": 5, "flag": true,
      "tools": [{"name": "<s>", "n": 1, "k": ["é"]}],
      "messages": [{"role": "user", "content": " <s> a-b\\n"}, {"role": "<s>", "content": ["x", null]}]})",
                                  "context");
  const struct {
    const char *source, *expected;
  } cases[] = {
      {"{{ bos_token }}{{ date }}{{ n }}{{ flag }}", "<s>«today»5True"},
      {"<|{{ messages[0].role }}|>{{ messages[1].role }}", "<|user|>«<s>»"},
      {"[{{ c }}]", "[« <s> a-b\\n»]"},
      {"{{ '[' + c + ']' }}{{ '(' ~ c ~ ')' }}", "[« <s> a-b\\n»](« <s> a-b\\n»)"},
      {"{{ (bos_token + c)[2:6] }}", ">« <s»"},
      {"{{ (bos_token + c + 'z')[::-1] }}", "z«n\\b-a >s< »>s<"},
      {"{{ c.strip() }}{{ c | trim | length }}", "«<s> a-b\\n»9"},
      {"{{ c.split('-')[0] + '-' + c.split('-')[1] }}", "« <s> a»-«b\\n»"},
      {"{{ c.replace('<s>', '<s>') }}", "« »<s>« a-b\\n»"},
      {"{{ 'A-B'.replace('-', c) }}", "A« <s> a-b\\n»B"},
      {"{{ c | upper }}{{ c | title }}", "« <S> A-B\\N <S> A-B\\N»"},
      {"{{ ', '.join([c, 'x', c.strip()]) }}", "« <s> a-b\\n», x, «<s> a-b\\n»"},
      {"{{ [c, 'y'] | join(c) }}", "« <s> a-b\\n <s> a-b\\n»y"},
      {"{{ tools[0] | tojson }}", "{\"«name»\": \"«<s>»\", \"«n»\": 1, \"«k»\": [\"«é»\"]}"},
      {"{{ messages[1].content }}", "['«x»', None]"},
      {"{{ '%s|%5s' % (c, 'é') }}{{ '{}{:>3}'.format(c, 1) }}", "« <s> a-b\\n»|    é« <s> a-b\\n»  1"},
      {"{% set x %}<{{ c }}>{% endset %}{{ x }}", "<« <s> a-b\\n»>"},
      {"{% macro m(a) %}<{{ a }}{{ caller() }}>{% endmacro %}{% call m(c) %}{{ c }}!{% endcall %}",
       "<« <s> a-b\\n <s> a-b\\n»!>"},
      {"{% filter trim %} {{ c }} {% endfilter %}", "«<s> a-b\\n»"},
      {"{% for x in c.strip()[:2] %}{{ x }}.{% endfor %}", "«<».«s»."},
      {"{% for k, v in tools[0].items() %}{{ k }}{% endfor %}", "«namenk»"},
      {"{{ c | indent(2, true) }}", "  « <s> a-b\\n»"},
      {"{{ c | default('d') }}{{ nope | default('d') }}", "« <s> a-b\\n»d"},
      {"{{ '[1, \"<s>\"]' | from_json | last }}", "«<s>»"},
  };
  for (const auto& c : cases) {
    const ChatTemplate chat(std::string("{% set c = messages[0].content %}") + c.source, "test");
    EXPECT_EQ(marked(chat.render_segments(context)), c.expected) << c.source;
    EXPECT_EQ(joined(chat.render_segments(context)), chat.render(context)) << c.source;
  }
}

TEST(ChatTemplate, AsksItsClock) {
  const ChatTemplate chat("{{ strftime_now('%d %b') }}", "test",
                          [](const std::string& format) { return "<" + format; });
  EXPECT_EQ(chat.render(Json::object()), "<%d %b");
  EXPECT_EQ(ChatTemplate("{{ strftime_now('%Y')|length }}", "test").render(Json::object()), "4");
}

}  // namespace
}  // namespace dure
