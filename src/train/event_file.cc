#include "train/event_file.h"

#include <array>
#include <cstring>

#include "base/error.h"

namespace dure {
namespace {

constexpr std::array<uint32_t, 256> kCrcTable = [] {
  std::array<uint32_t, 256> table{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    table[byte] = byte;
    for (int bit = 0; bit < 8; ++bit) table[byte] = table[byte] >> 1 ^ (table[byte] & 1 ? 0x82F63B78u : 0);
  }
  return table;
}();

/// Sums are masked because a sum over bytes that hold their own sum tells little.
uint32_t masked_crc(std::string_view bytes) {
  const uint32_t crc = crc32c(bytes);
  return (crc >> 15 | crc << 17) + 0xA282EAD8u;
}

/// Bytes as they lie in memory: records and messages are little-endian, as every machine that this runs on.
template <class T>
void append_bytes(std::string& out, T value) {
  char bytes[sizeof value];
  std::memcpy(bytes, &value, sizeof value);
  out.append(bytes, sizeof value);
}

void append_varint(std::string& out, uint64_t value) {
  for (; value >= 128; value >>= 7) out.push_back(static_cast<char>(value | 128));
  out.push_back(static_cast<char>(value));
}

// A field is its number and wire type, then the value: 0 varint, 1 eight bytes, 2 length and bytes, 5 four bytes.
void append_key(std::string& out, int field, int type) { append_varint(out, static_cast<uint64_t>(field << 3 | type)); }

void append_text(std::string& out, int field, std::string_view text) {
  append_key(out, field, 2);
  append_varint(out, text.size());
  out.append(text);
}

std::string event_at(double wall_time) {
  std::string event;
  append_key(event, 1, 1);
  append_bytes(event, wall_time);
  return event;
}

}  // namespace

uint32_t crc32c(std::string_view bytes) {
  uint32_t crc = ~0u;
  for (const char c : bytes) crc = crc >> 8 ^ kCrcTable[(crc ^ static_cast<uint8_t>(c)) & 255];
  return ~crc;
}

EventFile::EventFile(const std::filesystem::path& path) : path_(path.string()), out_(path, std::ios::binary) {
  require(out_.is_open(), "{}: cannot write", path_);
  std::string event = event_at(0);
  append_text(event, 3, "brain.Event:2");
  write(event);
}

void EventFile::append(double wall_time, int64_t step, std::span<const std::pair<std::string_view, double>> values) {
  std::string summary;
  for (const auto& [name, number] : values) {
    std::string value;
    append_text(value, 1, name);
    append_key(value, 2, 5);
    append_bytes(value, static_cast<float>(number));
    append_text(summary, 1, value);
  }
  std::string event = event_at(wall_time);
  append_key(event, 2, 0);
  append_varint(event, static_cast<uint64_t>(step));
  append_text(event, 5, summary);
  write(event);
}

void EventFile::write(std::string_view event) {
  std::string record;
  append_bytes(record, static_cast<uint64_t>(event.size()));
  append_bytes(record, masked_crc(record));
  record.append(event);
  append_bytes(record, masked_crc(event));
  out_.write(record.data(), static_cast<std::streamsize>(record.size())).flush();
  require(out_.good(), "{}: cannot write", path_);
}

}  // namespace dure
