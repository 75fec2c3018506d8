#include "cli/pull_view.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "cli/model_options.h"
#include "cli/terminal.h"

namespace dure {
namespace {

using namespace std::chrono_literals;

constexpr auto kMemory = 10s;     // that the speed is an average of
constexpr auto kSummaries = 15s;  // from one line for all to the next, without a terminal
constexpr int kBar = 20;

bool is_active(const FileProgress& f) { return f.state != FileProgress::queued && f.state != FileProgress::finished; }

int64_t percent_of(int64_t done, int64_t total) { return total > 0 ? done * 100 / total : 100; }

/// The end of a path, which tells files apart, in at most so many bytes; a cut is marked.
std::string shortened(const std::string& path, size_t width) {
  if (path.size() <= width) return path;
  size_t at = path.size() - width + 3;
  while (at < path.size() && (static_cast<unsigned char>(path[at]) & 0xC0) == 0x80) ++at;  // no half character
  return "..." + path.substr(at);
}

std::string describe(const FileProgress& f) {
  switch (f.state) {
    case FileProgress::locked: return "another program fetches it; waiting";
    case FileProgress::checking: return fmt::format("checking what is here, {} %", percent_of(f.done, f.size));
    case FileProgress::paused: return f.note;
    default: break;
  }
  const int filled = static_cast<int>(percent_of(f.done, f.size)) * kBar / 100;
  return fmt::format("[{}{}] {:3} % of {}", std::string(filled, '='), std::string(kBar - filled, ' '),
                     percent_of(f.done, f.size), bytes_text(f.size));
}

}  // namespace

PullView::PullView(int64_t total)
    : total_(total), terminal_(::isatty(STDERR_FILENO) != 0), next_summary_(Clock::now() + kSummaries) {}

void PullView::measure(int64_t done) {
  const Clock::time_point now = Clock::now();
  // A file that begins anew takes bytes back; the average begins anew with it.
  if (!history_.empty() && done < history_.back().second) history_.clear();
  history_.emplace_back(now, done);
  while (now - history_.front().first > kMemory) history_.pop_front();
}

std::string PullView::summary(int64_t done) const {
  std::string text = fmt::format("{} of {}", bytes_text(done), bytes_text(total_));
  const double seconds = std::chrono::duration<double>(history_.back().first - history_.front().first).count();
  const int64_t came = history_.back().second - history_.front().second;
  if (seconds < 0.5 || came <= 0) return text;
  const double rate = static_cast<double>(came) / seconds;
  text += fmt::format(", {}/s", bytes_text(static_cast<int64_t>(rate)));
  const int64_t left = static_cast<int64_t>(static_cast<double>(total_ - done) / rate);
  return left > 0 ? text + fmt::format(", {} left", duration_text(left)) : text;
}

void PullView::update(const std::vector<FileProgress>& files) {
  int64_t done = 0;
  for (const FileProgress& f : files) done += f.done;
  // What an earlier run left is read, not fetched, and says nothing of the network.
  if (std::any_of(files.begin(), files.end(), [](const FileProgress& f) { return f.state == FileProgress::checking; }))
    history_.clear();
  measure(done);
  if (terminal_) {
    draw(files);
  } else {
    say_finished(files);
    if (Clock::now() >= next_summary_) {
      next_summary_ = Clock::now() + kSummaries;
      fmt::print(stderr, "{}\n", summary(done));
    }
  }
  std::fflush(stderr);
}

void PullView::draw(const std::vector<FileProgress>& files) {
  const TerminalSize screen = terminal_size();
  const size_t columns = static_cast<size_t>(std::max(20, screen.columns - 1));
  std::string out = lines_ > 0 ? fmt::format("\x1b[{}A\r", lines_) : "\r";
  int64_t done = 0;
  lines_ = 0;
  const auto line = [&](std::string text) {
    if (text.size() > columns) text.resize(columns);  // a line that wraps would not be drawn over
    out += text + "\x1b[K\n";
    ++lines_;
  };
  for (const FileProgress& f : files) {
    done += f.done;
    if (!is_active(f) || lines_ + 2 >= screen.rows) continue;  // what scrolled away could not be drawn over
    const std::string state = describe(f);
    const size_t width = columns > state.size() + 12 ? columns - state.size() - 4 : 8;
    line(fmt::format("  {}  {}", shortened(f.path, width), state));
  }
  line(fmt::format("{:3} %, {}", percent_of(done, total_), summary(done)));
  fmt::print(stderr, "{}\x1b[J", out);
}

void PullView::say_finished(const std::vector<FileProgress>& files) {
  said_.resize(files.size(), FileProgress::queued);
  for (size_t i = 0; i < files.size(); ++i) {
    const FileProgress& f = files[i];
    if (f.state == said_[i]) continue;
    said_[i] = f.state;
    if (f.state == FileProgress::finished)
      fmt::print(stderr, "{} ({})\n", f.path, bytes_text(f.size));
    else if (f.state == FileProgress::paused || f.state == FileProgress::locked)
      fmt::print(stderr, "{}: {}\n", f.path, describe(f));
  }
}

void PullView::finish() {
  if (lines_ > 0) fmt::print(stderr, "\x1b[{}A\r\x1b[J", lines_);
  lines_ = 0;
  std::fflush(stderr);
}

std::string duration_text(int64_t seconds) {
  if (seconds < 60) return fmt::format("{} s", seconds);
  if (seconds < 3600) return fmt::format("{} min {} s", seconds / 60, seconds % 60);
  return fmt::format("{} h {} min", seconds / 3600, seconds / 60 % 60);
}

}  // namespace dure
