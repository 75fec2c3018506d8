#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace dure {

/// The digest by which the hub names a content, made as the bytes arrive: SHA-256 of the bytes, or the SHA-1 that git
/// gives a blob, which begins with its type and size.
class ContentDigest {
 public:
  /// The kind is told by the length of the expected digest: 64 or 40 hexadecimal digits. `size`: of the whole content.
  ContentDigest(std::string expected, int64_t size);
  ~ContentDigest();
  ContentDigest(ContentDigest&&) noexcept;
  ContentDigest& operator=(ContentDigest&&) noexcept;

  void update(std::string_view bytes);
  /// Whether the bytes have the expected digest. Ends this: no further update().
  bool matches();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace dure
