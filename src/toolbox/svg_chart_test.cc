#include "toolbox/svg_chart.h"

#include <gmock/gmock.h>

#include <cmath>

namespace dure {
namespace {

using testing::HasSubstr;
using testing::Not;

size_t count(const std::string& text, const std::string& part) {
  size_t n = 0;
  for (size_t at = 0; (at = text.find(part, at)) != text.npos; ++at) ++n;
  return n;
}

TEST(SvgChart, DrawsWhatIsFinite) {
  const std::string svg = svg_charts("a < b & c", "step",
                                     {{"two", {{"one", {{1, 2}, {2, NAN}, {3, 4}}}, {"other", {{1, 1}, {3, 0}}}}},
                                      {"flat", {{"flat", {{1, 5}, {3, 5}}}}},
                                      {"none", {{"none", {{1, NAN}}}}}});
  EXPECT_EQ(count(svg, "<polyline"), 3u);
  EXPECT_THAT(svg, HasSubstr("a &lt; b &amp; c"));
  EXPECT_THAT(svg, HasSubstr(">flat</text>"));
  EXPECT_THAT(svg, Not(HasSubstr("none</text>")));
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
  EXPECT_THAT(svg, HasSubstr("points=\"70.0,138.0 780.0,48.0 \""));  // from the middle of the axes to the corner
  EXPECT_TRUE(svg.starts_with("<svg") && svg.ends_with("</svg>\n"));
}

TEST(SvgChart, ManyPointsBecomeMeans) {
  ChartSeries s{"s", {}};
  for (int i = 0; i < 25'000; ++i) s.points.emplace_back(i, i % 2);
  const std::string svg = svg_charts("", "", {{"t", {s}}});
  EXPECT_LT(svg.size(), 40'000u);
}

TEST(SvgChart, NothingIsAnEmptyPage) { EXPECT_THAT(svg_charts("t", "x", {}), HasSubstr("</svg>")); }

}  // namespace
}  // namespace dure
