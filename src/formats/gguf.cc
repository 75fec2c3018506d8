#include "formats/gguf.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "base/error.h"
#include "base/file.h"
#include "formats/gguf_types.h"
#include "formats/mapped_tensor.h"

namespace dure {
namespace {

using Type = Gguf::Type;
using Bytes = std::span<const std::byte>;

struct TypeName {
  std::string_view name;
  int bytes;  // 0: it varies
};
constexpr TypeName kTypes[] = {{"u8", 1},   {"i8", 1},     {"u16", 2},   {"i16", 2}, {"u32", 4}, {"i32", 4}, {"f32", 4},
                               {"bool", 1}, {"string", 0}, {"array", 0}, {"u64", 8}, {"i64", 8}, {"f64", 8}};

const TypeName& info_of(Type type) { return kTypes[static_cast<size_t>(type)]; }

template <class T>
T load_as(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof(T));
  return value;
}

/// Takes one thing after another from the start of the file; Error where the file ends first.
class Reader {
 public:
  Reader(Bytes bytes, const std::string& source) : bytes_(bytes), source_(source) {}

  size_t at() const { return at_; }
  size_t left() const { return bytes_.size() - at_; }

  Bytes take(uint64_t n, std::string_view what) {
    require(n <= left(), "{}: cut short or damaged: {} of {} bytes at byte {}, where {} are left", source_, what, n,
            at_, left());
    at_ += n;
    return bytes_.subspan(at_ - n, n);
  }
  template <class T>
  T number(std::string_view what) {
    return load_as<T>(take(sizeof(T), what).data());
  }
  std::string_view string(std::string_view what) {
    const Bytes bytes = take(number<uint64_t>(what), what);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
  /// A count of things that take at least `least` bytes each.
  uint64_t count(size_t least, std::string_view what) {
    const uint64_t n = number<uint64_t>(what);
    require(n <= left() / least, "{}: cut short or damaged: {} {} in {} bytes", source_, n, what, left());
    return n;
  }
  Type type(std::string_view key) {
    const uint32_t code = number<uint32_t>("type");
    require(code < std::size(kTypes), "{}: metadata {}: unknown type {}", source_, quote(key), code);
    return static_cast<Type>(code);
  }

 private:
  Bytes bytes_;
  const std::string& source_;
  size_t at_ = 0;
};

Gguf::Value read_value(Reader& reader, Bytes file, const std::string& source) {
  Gguf::Value value{reader.string("metadata key"), {}, {}, 1, {}};
  value.type = value.element = reader.type(value.key);
  if (value.type == Type::Array) {
    value.element = reader.type(value.key);
    require(value.element != Type::Array, "{}: metadata {}: an array of arrays is not supported", source,
            quote(value.key));
    value.count = reader.count(value.element == Type::String ? 8 : static_cast<size_t>(info_of(value.element).bytes),
                               "array elements");
  }
  const size_t begin = reader.at();
  if (value.element == Type::String) {
    for (uint64_t i = 0; i < value.count; ++i) reader.string("string");
  } else {
    reader.take(value.count * static_cast<uint64_t>(info_of(value.element).bytes), "metadata value");
  }
  value.bytes = file.subspan(begin, reader.at() - begin);
  return value;
}

/// Where a tensor lies, relative to the data section; bytes are known once that section is.
struct Place {
  uint64_t offset, bytes;
};

Gguf::TensorEntry read_tensor(Reader& reader, Place& place, uint64_t alignment, const std::string& source) {
  Gguf::TensorEntry entry{reader.string("tensor name"), {}, {}, {}};
  const std::string name = quote(entry.name);
  const uint32_t rank = reader.number<uint32_t>("dimensions");
  require(rank <= Shape::kMaxRank, "{}: tensor {}: {} dimensions, expected at most {}", source, name, rank,
          Shape::kMaxRank);
  int64_t reversed[Shape::kMaxRank], numel = 1,
                                     nonzero = 1;  // an empty tensor must not hide that 2^40 * 2^40 overflows
  for (uint32_t d = 0; d < rank; ++d) {
    reversed[d] = reader.number<int64_t>("dimension");
    numel *= reversed[d] == 0 ? 0 : 1;
    require(reversed[d] >= 0 && !__builtin_mul_overflow(nonzero, std::max<int64_t>(reversed[d], 1), &nonzero),
            "{}: tensor {}: a dimension of {} is out of range", source, name, reversed[d]);
  }
  numel *= nonzero;
  for (uint32_t d = rank; d > 0; --d) entry.shape.push_back(reversed[d - 1]);

  const uint32_t id = reader.number<uint32_t>("tensor type");
  const GgufTensorType* type = find_gguf_type(id);
  require(type != nullptr, "{}: tensor {}: unknown type {}", source, name, id);
  entry.type = type->name;
  const int64_t columns = rank == 0 ? 1 : reversed[0];
  require(columns % type->block == 0, "{}: tensor {}: rows of {} elements are not whole blocks of {} ({})", source,
          name, columns, type->block, type->name);
  int64_t bytes = 0;
  require(!__builtin_mul_overflow(numel / type->block, type->block_bytes, &bytes),
          "{}: tensor {}: {} elements are out of range", source, name, numel);
  place = {reader.number<uint64_t>("tensor offset"), static_cast<uint64_t>(bytes)};
  require(place.offset % alignment == 0, "{}: tensor {}: offset {} is not a multiple of the alignment {}", source, name,
          place.offset, alignment);
  return entry;
}

/// Gives every tensor its bytes. None may reach beyond the file or into another one.
void place_tensors(std::vector<Gguf::TensorEntry>& tensors, const std::vector<Place>& places, Bytes data,
                   const std::string& source) {
  std::vector<uint32_t> order(tensors.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
    return std::pair(places[a].offset, places[a].bytes) < std::pair(places[b].offset, places[b].bytes);
  });
  uint64_t end = 0;
  for (uint32_t i : order) {
    const Place& place = places[i];
    require(place.offset <= data.size() && place.bytes <= data.size() - place.offset,
            "{}: tensor {}: {} bytes at {} of {} bytes of data; the file is cut short or damaged", source,
            quote(tensors[i].name), place.bytes, place.offset, data.size());
    require(place.offset >= end || place.bytes == 0, "{}: tensor {} overlaps another one at byte {} of the data",
            source, quote(tensors[i].name), place.offset);
    end = std::max(end, place.offset + place.bytes);
    tensors[i].data = data.subspan(place.offset, place.bytes);
  }
}

/// Positions of the items in the order of their names, which must differ.
template <class Item>
std::vector<uint32_t> sort_by_name(const std::vector<Item>& items, std::string_view Item::*name, std::string_view what,
                                   const std::string& source) {
  std::vector<uint32_t> order(items.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) { return items[a].*name < items[b].*name; });
  for (size_t i = 1; i < order.size(); ++i)
    require(items[order[i - 1]].*name != items[order[i]].*name, "{}: {} {} occurs twice", source, what,
            quote(items[order[i]].*name));
  return order;
}

template <class Item>
const Item* find_by_name(const std::vector<Item>& items, std::string_view Item::*name,
                         const std::vector<uint32_t>& order, std::string_view wanted) {
  const auto it = std::lower_bound(order.begin(), order.end(), wanted,
                                   [&](uint32_t i, std::string_view w) { return items[i].*name < w; });
  return it != order.end() && items[*it].*name == wanted ? &items[*it] : nullptr;
}

bool is_integer(Type type) {
  return type != Type::F32 && type != Type::F64 && type != Type::Bool && type != Type::String && type != Type::Array;
}
bool is_number(Type type) { return is_integer(type) || type == Type::F32 || type == Type::F64; }

/// An integer as int64; one beyond that becomes the largest, which no caller's bounds allow.
int64_t integer_at(Type type, const std::byte* from) {
  switch (type) {
    case Type::U8: return load_as<uint8_t>(from);
    case Type::I8: return load_as<int8_t>(from);
    case Type::U16: return load_as<uint16_t>(from);
    case Type::I16: return load_as<int16_t>(from);
    case Type::U32: return load_as<uint32_t>(from);
    case Type::I32: return load_as<int32_t>(from);
    case Type::U64: return static_cast<int64_t>(std::min<uint64_t>(load_as<uint64_t>(from), INT64_MAX));
    default: return load_as<int64_t>(from);
  }
}
double number_at(Type type, const std::byte* from) {
  if (type == Type::F32) return load_as<float>(from);
  if (type == Type::F64) return load_as<double>(from);
  return static_cast<double>(integer_at(type, from));
}

/// Walks over the strings of a value whose lengths are known to fit.
template <class Visit>
void for_each_string(const Gguf::Value& value, uint64_t limit, Visit visit) {
  const std::byte* at = value.bytes.data();
  for (uint64_t i = 0; i < std::min(value.count, limit); ++i) {
    const uint64_t length = load_as<uint64_t>(at);
    visit(std::string_view(reinterpret_cast<const char*>(at) + sizeof(length), length));
    at += sizeof(length) + length;
  }
}

}  // namespace

Gguf Gguf::open(const std::filesystem::path& path) {
  std::shared_ptr<const MappedFile> file = MappedFile::open(path);
  const Bytes bytes = file->bytes();
  return parse(bytes, path.string(), std::move(file));
}

Gguf Gguf::parse(Bytes bytes, std::string source, std::shared_ptr<const void> owner) {
  Gguf file;
  file.source_ = std::move(source);
  file.owner_ = std::move(owner);
  const std::string& name = file.source_;

  Reader reader(bytes, name);
  require(bytes.size() >= 4 && std::memcmp(bytes.data(), "GGUF", 4) == 0, "{}: not a GGUF file", name);
  reader.take(4, "magic");
  const uint32_t version = reader.number<uint32_t>("version");
  require(version == 2 || version == 3, "{}: GGUF version {} {}, expected 2 or 3", name, version,
          (version & 0xffff) == 0 ? "(a big-endian file?)" : "is not supported");
  // A tensor takes a name's length, rank, type and offset at least; a value a key's length, a type and a byte.
  const uint64_t tensors = reader.count(24, "tensors");
  const uint64_t values = reader.count(13, "metadata values");

  file.values_.reserve(values);
  for (uint64_t i = 0; i < values; ++i) file.values_.push_back(read_value(reader, bytes, name));
  file.values_by_key_ = sort_by_name(file.values_, &Value::key, "metadata", name);

  const uint64_t alignment = static_cast<uint64_t>(file.integer_or("general.alignment", 32, 1, 1 << 20));
  require((alignment & (alignment - 1)) == 0, "{}: metadata 'general.alignment': {} is not a power of two", name,
          alignment);

  std::vector<Place> places(std::min<uint64_t>(tensors, reader.left() / 24));
  require(places.size() == tensors, "{}: cut short or damaged: {} tensors in {} bytes", name, tensors, reader.left());
  file.tensors_.reserve(tensors);
  for (Place& place : places) file.tensors_.push_back(read_tensor(reader, place, alignment, name));
  file.tensors_by_name_ = sort_by_name(file.tensors_, &TensorEntry::name, "tensor", name);

  const uint64_t start = std::min<uint64_t>((reader.at() + alignment - 1) / alignment * alignment, bytes.size());
  place_tensors(file.tensors_, places, bytes.subspan(start), name);
  return file;
}

const Gguf::Value* Gguf::find_value(std::string_view key) const {
  return find_by_name(values_, &Value::key, values_by_key_, key);
}

const Gguf::TensorEntry* Gguf::find_tensor(std::string_view name) const {
  return find_by_name(tensors_, &TensorEntry::name, tensors_by_name_, name);
}

const Gguf::Value& Gguf::need(std::string_view key, bool array, std::string_view expected) const {
  const Value* value = find_value(key);
  require(value != nullptr, "{}: metadata '{}' is missing", source_, key);
  const bool fits = (value->type == Type::Array) == array && (expected == "string"    ? value->element == Type::String
                                                              : expected == "boolean" ? value->element == Type::Bool
                                                              : expected == "integer" ? is_integer(value->element)
                                                                                      : is_number(value->element));
  require(fits, "{}: metadata '{}': expected {}{}, found {}{}", source_, key, array ? "an array of " : "", expected,
          value->type == Type::Array ? "an array of " : "", info_of(value->element).name);
  return *value;
}

std::string_view Gguf::string(std::string_view key) const {
  std::string_view text;
  for_each_string(need(key, false, "string"), 1, [&](std::string_view s) { text = s; });
  return text;
}

std::string_view Gguf::string_or(std::string_view key, std::string_view fallback) const {
  return has(key) ? string(key) : fallback;
}

int64_t Gguf::integer(std::string_view key, int64_t min, int64_t max) const {
  const Value& value = need(key, false, "integer");
  const int64_t number = integer_at(value.type, value.bytes.data());
  require(number >= min && number <= max, "{}: metadata '{}': expected an integer from {} to {}, found {}", source_,
          key, min, max, number);
  return number;
}

int64_t Gguf::integer_or(std::string_view key, int64_t fallback, int64_t min, int64_t max) const {
  return has(key) ? integer(key, min, max) : fallback;
}

double Gguf::number(std::string_view key) const {
  const Value& value = need(key, false, "number");
  const double number = number_at(value.type, value.bytes.data());
  require(std::isfinite(number), "{}: metadata '{}': expected a finite number", source_, key);
  return number;
}

double Gguf::number_or(std::string_view key, double fallback) const { return has(key) ? number(key) : fallback; }

bool Gguf::boolean_or(std::string_view key, bool fallback) const {
  return has(key) ? load_as<uint8_t>(need(key, false, "boolean").bytes.data()) != 0 : fallback;
}

std::vector<std::string_view> Gguf::strings(std::string_view key) const {
  const Value& value = need(key, true, "string");
  std::vector<std::string_view> list;
  list.reserve(value.count);
  for_each_string(value, value.count, [&](std::string_view s) { list.push_back(s); });
  return list;
}

std::vector<int64_t> Gguf::integers(std::string_view key, int64_t min, int64_t max) const {
  const Value& value = need(key, true, "integer");
  std::vector<int64_t> list(value.count);
  for (size_t i = 0; i < list.size(); ++i) {
    list[i] = integer_at(value.element, value.bytes.data() + i * static_cast<size_t>(info_of(value.element).bytes));
    require(list[i] >= min && list[i] <= max,
            "{}: metadata '{}': element {}: expected an integer from {} to {}, found {}", source_, key, i, min, max,
            list[i]);
  }
  return list;
}

std::vector<float> Gguf::numbers(std::string_view key) const {
  const Value& value = need(key, true, "number");
  std::vector<float> list(value.count);
  for (size_t i = 0; i < list.size(); ++i)
    list[i] = static_cast<float>(
        number_at(value.element, value.bytes.data() + i * static_cast<size_t>(info_of(value.element).bytes)));
  return list;
}

Tensor Gguf::load(const TensorEntry& entry, Device& device) const {
  int code = 0;
  while (code < kDTypes && info(DType(code)).name != entry.type) ++code;
  require(code < kDTypes, "{}: tensor {}: type {} is not supported", source_, quote(entry.name), entry.type);
  return mapped_tensor(device, DType(code), entry.shape, entry.data, owner_);
}

std::string describe(const Gguf::Value& value) {
  constexpr uint64_t kShown = 8;
  std::string text;
  const auto add = [&](const std::string& item) { text += (text.empty() ? "" : ", ") + item; };
  if (value.element == Type::String) {
    for_each_string(value, kShown, [&](std::string_view s) { add(quote(s)); });
  } else {
    const size_t bytes = static_cast<size_t>(info_of(value.element).bytes);
    for (uint64_t i = 0; i < std::min(value.count, kShown); ++i) {
      const std::byte* at = value.bytes.data() + i * bytes;
      add(value.element == Type::Bool  ? (load_as<uint8_t>(at) ? "true" : "false")
          : value.element == Type::F32 ? fmt::format("{}", load_as<float>(at))
          : value.element == Type::U64 ? fmt::format("{}", load_as<uint64_t>(at))
          : is_integer(value.element)  ? fmt::format("{}", integer_at(value.element, at))
                                       : fmt::format("{}", number_at(value.element, at)));
    }
  }
  if (value.type != Type::Array) return text;
  return fmt::format("[{}{}] ({} {})", text, value.count > kShown ? ", ..." : "", value.count,
                     info_of(value.element).name);
}

}  // namespace dure
