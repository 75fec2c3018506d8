// Whatever a file of the disk tier holds and is called, it is a record of that name or nothing.

#include <cstdlib>

#include "engine/disk_record.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace dure;
  const auto bytes = std::as_bytes(std::span(data, size));
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto name = DiskName::parse(text); name && name->file() != text) std::abort();

  // The name that the header gives itself, so that the checksum alone is in the way.
  if (size < kDiskHeaderBytes) return 0;
  DiskName name;
  std::array<uint64_t, 2> kinds;
  std::memcpy(name.tokens.bytes.data(), data + 8, 16);
  std::memcpy(kinds.data(), data + 24, 16);
  std::memcpy(&name.rows, data + 40, 4);
  name.kinds = RowKinds(kinds);
  if (const auto payload = read_record(name, bytes)) {
    const auto header = disk_header(name, *payload);
    if (std::memcmp(header.data(), data, header.size()) != 0) std::abort();
  }
  return 0;
}
