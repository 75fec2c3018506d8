#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "text/tools/marker_scanner.h"
#include "text/tools/tool_format.h"

namespace dure {

/// Who hears of a call while it is read.
class CallSink {
 public:
  virtual ~CallSink() = default;
  virtual void begin(std::string_view name) = 0;
  virtual void arguments(std::string_view text) = 0;
};

/// Reads one call byte by byte, from behind its begin marker. A subclass is the state machine of one ToolFormat::Body;
/// it sees markers apart from all other bytes.
class CallReader {
 public:
  enum class Step : uint8_t {
    more,
    done,         ///< the call is over
    done_before,  ///< the call was over before what was fed: not taken
    refused,      ///< this is no call, and what was fed is not taken; never after begin()
  };
  explicit CallReader(std::vector<std::string_view> markers) : markers_(std::move(markers)) {}
  virtual ~CallReader() = default;

  Step feed(char c);
  /// The answer ended. Not `more`.
  Step finish();

  /// The last bytes fed, as far as they are not part of the call.
  const std::string& rest() const { return rest_; }
  /// After done: whether the end marker was there.
  bool closed() const { return closed_; }

 protected:
  virtual Step byte(char c) = 0;
  virtual Step marker(std::string_view marker) = 0;
  virtual Step end() = 0;
  /// The markers that count just now; null: none.
  virtual MarkerScanner* markers() { return &markers_; }

  MarkerScanner markers_;
  bool closed_ = false;

 private:
  Step bytes(std::string_view plain, std::string_view after);

  std::string rest_;
};

/// REQUIRES (all three): what is referred to outlives the reader.
std::unique_ptr<CallReader> make_heading_call_reader(const ToolFormat& format, CallSink& sink);
std::unique_ptr<CallReader> make_dsml_call_reader(const ToolFormat& format, CallSink& sink);
/// `bare`: an object without markers; its name must be one of `tools`.
std::unique_ptr<CallReader> make_object_call_reader(const ToolFormat& format, CallSink& sink, bool bare,
                                                    const std::vector<std::string>& tools);

/// Longer names are no names.
constexpr size_t kMaxToolName = 256;

}  // namespace dure
