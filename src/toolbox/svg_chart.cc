#include "toolbox/svg_chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>

#include "base/markup.h"

namespace dure {
namespace {

constexpr double kWidth = 800, kLeft = 70, kRight = 20, kTop = 40, kHeight = 180, kGap = 44;  // in pixels
constexpr size_t kMostPoints = 1000;
constexpr const char* kColours[] = {"#1f6feb", "#d1242f", "#1a7f37", "#9a6700", "#8250df"};

struct Range {
  double low = std::numeric_limits<double>::infinity(), high = -low;

  void add(double v) {
    low = std::min(low, v);
    high = std::max(high, v);
  }
  bool empty() const { return low > high; }
  /// A line in the middle if all values are one.
  void widen() {
    if (low < high) return;
    const double margin = low == 0 ? 1 : std::fabs(low) * 0.1;
    low -= margin;
    high += margin;
  }
};

/// 1, 2 or 5 times a power of ten, so that about `count` of them span the range.
double tick_step(const Range& r, int count) {
  const double rough = (r.high - r.low) / count, power = std::pow(10, std::floor(std::log10(rough)));
  for (const double factor : {1.0, 2.0, 5.0})
    if (rough <= factor * power) return factor * power;
  return 10 * power;
}

/// Finite points, as means of neighbours if there are too many to see.
ChartSeries thinned(const ChartSeries& s) {
  ChartSeries finite{s.name, {}}, out{s.name, {}};
  for (const auto& point : s.points)
    if (std::isfinite(point.second)) finite.points.push_back(point);
  const size_t group = (finite.points.size() + kMostPoints - 1) / kMostPoints;
  if (group <= 1) return finite;
  for (size_t begin = 0; begin < finite.points.size(); begin += group) {
    const size_t end = std::min(begin + group, finite.points.size());
    double x = 0, y = 0;
    for (size_t i = begin; i < end; ++i) {
      x += finite.points[i].first;
      y += finite.points[i].second;
    }
    const auto n = static_cast<double>(end - begin);
    out.points.emplace_back(x / n, y / n);
  }
  return out;
}

/// Writes one document, in pixels from the top left.
class Drawing {
 public:
  template <class... T>
  void add(fmt::format_string<T...> text, T&&... values) {
    fmt::format_to(std::back_inserter(out_), text, std::forward<T>(values)...);
    out_ += '\n';
  }
  void line(double x1, double y1, double x2, double y2, const char* colour) {
    add(R"(<line x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}" stroke="{}"/>)", x1, y1, x2, y2, colour);
  }
  void text(double x, double y, const char* anchor, std::string_view words, const char* colour = "#444") {
    add(R"(<text x="{:.1f}" y="{:.1f}" text-anchor="{}" fill="{}">{}</text>)", x, y, anchor, colour,
        escape_markup(words));
  }
  std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

void draw(Drawing& d, const Chart& chart, const Range& xs, double top) {
  Range ys;
  for (const ChartSeries& s : chart.series)
    for (const auto& [x, y] : s.points) ys.add(y);
  ys.widen();
  const auto at_x = [&](double x) { return kLeft + (x - xs.low) / (xs.high - xs.low) * (kWidth - kLeft - kRight); };
  const auto at_y = [&](double y) { return top + (ys.high - y) / (ys.high - ys.low) * kHeight; };

  const double y_step = tick_step(ys, 4), x_step = tick_step(xs, 8);
  for (double i = std::ceil(ys.low / y_step); i * y_step <= ys.high; ++i) {
    d.line(kLeft, at_y(i * y_step), kWidth - kRight, at_y(i * y_step), "#ddd");
    d.text(kLeft - 6, at_y(i * y_step) + 4, "end", fmt::format("{:.4g}", i * y_step));
  }
  for (double i = std::ceil(xs.low / x_step); i * x_step <= xs.high; ++i)
    d.text(at_x(i * x_step), top + kHeight + 16, "middle", fmt::format("{:.6g}", i * x_step));
  d.line(kLeft, top, kLeft, top + kHeight, "#888");
  d.line(kLeft, top + kHeight, kWidth - kRight, top + kHeight, "#888");

  d.text(kLeft, top - 8, "start", chart.title, "#000");
  double legend = kWidth - kRight;
  for (size_t i = 0; i < chart.series.size(); ++i) {
    const ChartSeries& s = chart.series[i];
    const char* colour = kColours[i % std::size(kColours)];
    std::string path;
    for (const auto& [x, y] : s.points) fmt::format_to(std::back_inserter(path), "{:.1f},{:.1f} ", at_x(x), at_y(y));
    d.add(R"(<polyline points="{}" fill="none" stroke="{}" stroke-width="1.3"/>)", path, colour);
    if (chart.series.size() == 1) continue;
    d.text(legend, top - 8, "end", s.name, colour);
    legend -= 9 * static_cast<double>(s.name.size()) + 14;
  }
}

}  // namespace

std::string svg_charts(std::string_view title, std::string_view x_label, const std::vector<Chart>& charts) {
  std::vector<Chart> drawn;
  Range xs;
  for (const Chart& chart : charts) {
    Chart kept{chart.title, {}};
    for (const ChartSeries& s : chart.series) {
      ChartSeries points = thinned(s);
      for (const auto& [x, y] : points.points) xs.add(x);
      if (!points.points.empty()) kept.series.push_back(std::move(points));
    }
    if (!kept.series.empty()) drawn.push_back(std::move(kept));
  }
  if (xs.empty()) xs.add(0);
  xs.widen();

  const double height = kTop + static_cast<double>(drawn.size()) * (kHeight + kGap) + 20;
  Drawing d;
  d.add(R"(<svg xmlns="http://www.w3.org/2000/svg" width="{0}" height="{1}" viewBox="0 0 {0} {1}")"
        R"( font-family="sans-serif" font-size="12">)",
        kWidth, height);
  d.add(R"(<rect width="100%" height="100%" fill="#fff"/>)");
  d.text(kWidth / 2, 18, "middle", title, "#000");
  double top = kTop + 8;
  for (const Chart& chart : drawn) {
    draw(d, chart, xs, top);
    top += kHeight + kGap;
  }
  d.text(kWidth / 2, height - 8, "middle", x_label);
  d.add("</svg>");
  return d.take();
}

}  // namespace dure
