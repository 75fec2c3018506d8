// Templates that would hang, overflow the stack or eat the memory end in an error instead.

#include <gtest/gtest.h>

#include "base/error.h"
#include "text/jinja/evaluator.h"
#include "text/jinja/parser.h"

namespace dure::jinja {
namespace {

std::string times(size_t n, std::string_view text) {
  std::string out;
  for (size_t i = 0; i < n; ++i) out += text;
  return out;
}

std::string nested(std::string_view open, std::string_view close) {
  return "{{ " + times(5000, open) + "1" + times(5000, close) + " }}";
}

std::string run(const std::string& source) {
  try {
    const Body body = parse(source);
    Evaluator evaluator([](const std::string& format) { return format; },
                        {.work = 2'000'000, .memory = size_t{32} << 20});
    return evaluator.run(body).bytes().substr(0, 100);
  } catch (const Error& error) {
    return error.what();
  }
}

TEST(JinjaLimits, Hold) {
  const std::string doubling =
      "{% set ns = namespace(v=START) %}{% for i in range(99) %}{% set ns.v = STEP %}{% endfor %}";
  const auto doubled = [&](std::string start, std::string step) {
    std::string out = doubling;
    out.replace(out.find("START"), 5, start);
    return out.replace(out.find("STEP"), 4, step);
  };
  const std::pair<std::string, const char*> cases[] = {
      // nesting in the source
      {nested("(", ")"), "nested deeper than 100"},
      {nested("[", "]"), "nested deeper than 100"},
      {nested("{1:", "}"), "nested deeper than 100"},
      {nested("not ", ""), "nested deeper than 100"},
      {nested("-", ""), "nested deeper than 100"},
      {nested("x[", "]"), "nested deeper than 100"},
      {nested("x if y else ", ""), "nested deeper than 100"},
      {nested("f(", ")"), "nested deeper than 100"},
      {"{% set " + times(5000, "(") + "x" + times(5000, ")") + " = 1 %}", "nested deeper than 100"},
      {times(5000, "{% if 1 %}"), "nested deeper than 100"},
      {times(5000, "{% call x() %}"), "nested deeper than 100"},
      // chains, which make trees as deep without nesting
      {"{{ 1" + times(5000, "+1") + " }}", "more than 400 levels"},
      {"{{ x" + times(5000, ".y") + " }}", "more than 400 levels"},
      {"{{ x" + times(5000, "|e") + " }}", "more than 400 levels"},
      {"{{ x" + times(5000, " if x") + " }}", "more than 400 levels"},
      {"{{ x" + times(5000, "()") + " }}", "more than 400 levels"},
      {times(5 << 20, "x"), "longer than 4 MiB"},
      // recursion
      {"{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "nests calls deeper than 1000"},
      {"{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}", "nests calls deeper than 1000"},
      {doubled("[]", "[ns.v]") + times(3, doubled("ns.v", "[ns.v]")), "nested deeper than 300"},
      // time
      {"{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}", "more than 2000000 steps"},
      {"{% set s = 'a' * 3000000 %}{{ (s ~ 'b') in (s ~ 'c') }}", "more than 2000000 steps"},
      {"{% set l = range(99999) | list %}{{ l == range(99999) | list }}{% for i in l %}{{ l | sum }}{% endfor %}",
       "more than 2000000 steps"},
      // memory
      {"{{ 'x' * 1000000000000 }}", "repeated string is too long"},
      {"{{ [1] * 1000000000000 }}", "repeated list is too long"},
      {"{{ range(1000000000) }}", "more than 100000 items"},
      {"{{ '%1000000000d' % 1 }}", "wider than 10000"},
      {"{{ '{:1000000000}'.format(1) }}", "wider than 10000"},
      {"{{ 'x'.center(1000000000) }}", "padded by more than 100000"},
      {"{{ 'x' | indent(1000000000) }}", "wider than 100000"},
      {doubled("'x'", "ns.v ~ ns.v"), "more than"},
      {doubled("'x'", "ns.v.replace('x', 'xxxx')"), "more than"},
      {"{% set l = namespace(v='x' * 4000000) %}{{ [l.v ~ 1, l.v ~ 2, l.v ~ 3, l.v ~ 4, l.v ~ 5, l.v ~ 6, l.v ~ 7, l.v "
       "~ 8] }}",
       "more than 32 MiB of memory"},
      {doubled("[1]", "ns.v + ns.v"), "more than"},
      {doubled("[1]", "[ns.v, ns.v]") + "{{ ns.v }}", "holds more than 16000000 values"},
      {doubled("{}", "{'a': ns.v, 'b': ns.v}") + "{{ ns.v | tojson }}", "holds more than 16000000 values"},
  };
  for (const auto& [source, message] : cases)
    EXPECT_NE(run(source).find(message), std::string::npos) << source.substr(0, 80) << " -> " << run(source);
}

TEST(JinjaLimits, LeaveRoomForRealTemplates) {
  EXPECT_EQ(run("{{ '' " + times(300, "~ 'x'") + " }}"), times(100, "x"));
  EXPECT_EQ(run(times(90, "{% if 1 %}") + "x" + times(90, "{% endif %}")), "x");
  EXPECT_EQ(run("{% macro m(n) %}{{ n }}{% if n %}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(100)[-5:] }}"), "43210");
}

TEST(JinjaLimits, CyclesNeitherLeakNorRecurse) {
  EXPECT_EQ(run("{% set ns = namespace() %}{% set ns.me = ns %}{% set ns.l = [ns] %}{{ ns.me.l }}"), "[<Namespace>]");
  EXPECT_EQ(run("{% for i in [1] %}{{ loop.changed(loop) }}{{ loop.changed(loop) }}{% endfor %}"), "TrueFalse");
}

TEST(JinjaLimits, AMacroThatOutlivesItsLoopKeepsWhatItSaw) {
  EXPECT_EQ(run("{% set ns = namespace() %}{% for i in [1, 2] %}{% macro m() %}{{ i }}{% endmacro %}{% set ns.m = m %}"
                "{% endfor %}{{ ns.m() }}"),
            "2");
  EXPECT_NE(
      run("{% set ns = namespace() %}{% for i in [1] recursive %}{% set ns.l = loop %}{% endfor %}{{ ns.l([1]) }}")
          .find("still running"),
      std::string::npos);
}

}  // namespace
}  // namespace dure::jinja
