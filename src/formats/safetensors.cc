#include "formats/safetensors.h"

#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "formats/mapped_tensor.h"

namespace dure {
namespace {

constexpr uint64_t kMaxHeader = 100'000'000;  // the limit of the reference implementation

struct StoredType {
  std::string_view name;
  int bits;
};
constexpr StoredType kStoredTypes[] = {
    {"F32", 32}, {"F16", 16},        {"BF16", 16},       {"I32", 32},    {"I64", 64},    {"F8_E4M3", 8},
    {"F64", 64}, {"I16", 16},        {"I8", 8},          {"U64", 64},    {"U32", 32},    {"U16", 16},
    {"U8", 8},   {"BOOL", 8},        {"F8_E5M2", 8},     {"F8_E8M0", 8}, {"F6_E2M3", 6}, {"F6_E3M2", 6},
    {"F4", 4},   {"F8_E4M3FNUZ", 8}, {"F8_E5M2FNUZ", 8}, {"C64", 64},
};

/// Keys of all objects in a text of JSON that is known to be valid: its colons outside strings.
size_t count_colons(std::string_view text) {
  size_t colons = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"') in_string = !in_string;
    if (in_string && text[i] == '\\') ++i;
    if (!in_string && text[i] == ':') ++colons;
  }
  return colons;
}

size_t count_keys(const Json& json) {
  size_t keys = json.is_object() ? json.size() : 0;
  for (const Json& value : json) {
    if (value.is_structured()) keys += count_keys(value);
  }
  return keys;
}

/// Reads {"dtype": ..., "shape": [...], "data_offsets": [begin, end]}. `data` is what follows the header.
Safetensors::Entry parse_entry(const std::string& name, const Json& json, std::span<const std::byte> data,
                               const std::string& source) {
  const auto expect = [&](bool condition, std::string_view what) {
    require(condition, "{}: tensor {}: {}", source, quote(name), what);
  };
  expect(json.is_object() && json.contains("dtype") && json.contains("shape") && json.contains("data_offsets"),
         "expected an object with dtype, shape and data_offsets");
  const Json &dtype = json.at("dtype"), &shape = json.at("shape"), &offsets = json.at("data_offsets");
  expect(dtype.is_string(), "expected dtype to be a string");
  expect(shape.is_array(), "expected shape to be an array");
  expect(
      offsets.is_array() && offsets.size() == 2 && offsets[0].is_number_unsigned() && offsets[1].is_number_unsigned(),
      "expected data_offsets to be two positions");

  const uint64_t begin = offsets[0].get<uint64_t>(), end = offsets[1].get<uint64_t>();
  require(begin <= end && end <= data.size(), "{}: tensor {}: bytes {} to {} of {} bytes of data", source, quote(name),
          begin, end, data.size());

  Safetensors::Entry entry{dtype.get<std::string>(), {}, data.subspan(begin, end - begin)};
  int64_t numel = 1, nonzero = 1;  // an empty tensor must not hide that 2^40 * 2^40 overflows
  bool overflow = false;
  for (const Json& dim : shape) {
    expect(dim.is_number_unsigned() && dim.get<uint64_t>() <= INT64_MAX, "expected shape to hold whole numbers");
    entry.shape.push_back(dim.get<int64_t>());
    overflow |= __builtin_mul_overflow(nonzero, std::max<int64_t>(entry.shape.back(), 1), &nonzero);
    if (entry.shape.back() == 0) numel = 0;
  }
  const auto* type = std::find_if(std::begin(kStoredTypes), std::end(kStoredTypes),
                                  [&](const StoredType& known) { return known.name == entry.dtype; });
  expect(type != std::end(kStoredTypes), "unknown dtype " + quote(entry.dtype, 20));
  int64_t bits = 0;
  overflow |= __builtin_mul_overflow(nonzero * numel, type->bits, &bits);
  require(!overflow && bits % 8 == 0 && static_cast<uint64_t>(bits / 8) == entry.data.size(),
          "{}: tensor {}: {} {} does not take the {} bytes of its data_offsets", source, quote(name), entry.dtype,
          quote(dump_json(shape)), entry.data.size());
  return entry;
}

/// The tensors, sorted by position, must cover the data exactly: no byte may belong to two of them or to none.
void check_tiling(const OrderedMap<std::string, Safetensors::Entry>& entries, std::span<const std::byte> data,
                  const std::string& source) {
  std::vector<const std::pair<const std::string, Safetensors::Entry>*> sorted;
  for (const auto& entry : entries) sorted.push_back(&entry);
  const auto position = [&](const auto* e) { return static_cast<size_t>(e->second.data.data() - data.data()); };
  std::sort(sorted.begin(), sorted.end(), [&](const auto* a, const auto* b) {
    return std::pair(position(a), a->second.data.size()) < std::pair(position(b), b->second.data.size());
  });
  size_t next = 0;
  for (const auto* entry : sorted) {
    require(position(entry) == next, "{}: tensor {}: starts at byte {} of the data, expected {} (no gap, no overlap)",
            source, quote(entry->first), position(entry), next);
    next += entry->second.data.size();
  }
  require(next == data.size(), "{}: the tensors end at byte {} of {} bytes of data", source, next, data.size());
}

bool plain(const DTypeInfo& type) { return type.block == 1; }

}  // namespace

Safetensors Safetensors::open(const std::filesystem::path& path) {
  std::shared_ptr<const MappedFile> file = MappedFile::open(path);
  const std::span<const std::byte> bytes = file->bytes();
  return parse(bytes, path.string(), std::move(file));
}

Safetensors Safetensors::parse(std::span<const std::byte> bytes, std::string source,
                               std::shared_ptr<const void> owner) {
  uint64_t length = 0;
  require(bytes.size() >= sizeof(length), "{}: {} bytes, expected a safetensors file", source, bytes.size());
  std::memcpy(&length, bytes.data(), sizeof(length));
  bytes = bytes.subspan(sizeof(length));
  require(length <= kMaxHeader && length <= bytes.size(),
          "{}: not a safetensors file, or cut short: a header of {} bytes, expected at most {}", source, length,
          std::min<uint64_t>(kMaxHeader, bytes.size()));
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), length);
  const std::span<const std::byte> data = bytes.subspan(length);

  const Json header = parse_json(text, source);
  require(header.is_object(), "{}: expected the header to be a JSON object", source);
  // A parser keeps one of two equal keys, and not every parser the same one.
  require(count_keys(header) == count_colons(text), "{}: the header names something twice", source);

  Safetensors file;
  for (const auto& [name, value] : header.get_ref<const Json::object_t&>()) {
    if (name == "__metadata__") continue;  // free text of the writer
    file.entries_.emplace(name, parse_entry(name, value, data, source));
  }
  check_tiling(file.entries_, data, source);
  file.source_ = std::move(source);
  file.owner_ = std::move(owner);
  return file;
}

Tensor Safetensors::load(std::string_view name, Device& device) const {
  const auto it = entries_.find(name);
  DURE_ASSERT(it != entries_.end());
  const Entry& entry = it->second;
  int code = 0;
  while (code < kDTypes && !(plain(info(DType(code))) && info(DType(code)).name == entry.dtype)) ++code;
  require(code < kDTypes, "{}: tensor {}: dtype {} is not supported", source_, quote(it->first), entry.dtype);
  require(entry.shape.size() <= Shape::kMaxRank, "{}: tensor {}: {} dimensions, expected at most {}", source_,
          quote(it->first), entry.shape.size(), Shape::kMaxRank);

  const DType dtype = DType(code);
  Shape shape;
  for (int64_t dim : entry.shape) shape.push_back(dim);
  return mapped_tensor(device, dtype, shape, entry.data, owner_);
}

void write_safetensors(const std::filesystem::path& path, std::vector<std::pair<std::string, Tensor>> tensors) {
  std::vector<SafetensorsItem> items;
  for (const auto& [name, tensor] : tensors) {
    DURE_ASSERT(tensor.contiguous());
    items.push_back({name, tensor.dtype(), tensor.shape(), [&t = tensor](std::ostream& out) {
                       out.write(static_cast<const char*>(t.view().data), static_cast<std::streamsize>(t.bytes()));
                     }});
  }
  stream_safetensors(path, std::move(items));
}

void stream_safetensors(const std::filesystem::path& path, std::vector<SafetensorsItem> items) {
  std::sort(items.begin(), items.end(), [](const SafetensorsItem& a, const SafetensorsItem& b) {
    return std::pair(-info(a.dtype).block_bytes, a.name) < std::pair(-info(b.dtype).block_bytes, b.name);
  });
  Json header = Json::object();
  header["__metadata__"] = {{"format", "pt"}};  // transformers refuses a file without it
  int64_t offset = 0;
  for (const SafetensorsItem& item : items) {
    DURE_ASSERT(plain(info(item.dtype)) && !header.contains(item.name));
    const int64_t bytes = item.shape.numel() * info(item.dtype).block_bytes;
    header[item.name] = {{"dtype", dure::name(item.dtype)},
                         {"shape", std::vector<int64_t>(item.shape.begin(), item.shape.end())},
                         {"data_offsets", {offset, offset + bytes}}};
    offset += bytes;
  }
  std::string text = dump_json(header);
  text.resize((text.size() + 7) / 8 * 8, ' ');  // the data start aligned
  write_file_atomically(path, [&](std::ostream& out) {
    const uint64_t length = text.size();
    out.write(reinterpret_cast<const char*>(&length), sizeof(length));
    out << text;
    for (const SafetensorsItem& item : items) item.write(out);
  });
}

}  // namespace dure
