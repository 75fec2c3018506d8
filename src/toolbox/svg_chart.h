#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dure {

/// A line of a chart. x ascends; y may have gaps: what is not finite is left out.
struct ChartSeries {
  std::string name;
  std::vector<std::pair<double, double>> points;
};

struct Chart {
  std::string title;
  std::vector<ChartSeries> series;
};

/// Charts one below the other with one common x axis, as an SVG document that needs nothing else. Series of more than
/// 1000 points are drawn as means of neighbours. Charts without points are left out.
std::string svg_charts(std::string_view title, std::string_view x_label, const std::vector<Chart>& charts);

}  // namespace dure
