#include "formats/imatrix.h"

#include <cmath>
#include <cstring>

#include "base/error.h"
#include "base/file.h"
#include "formats/gguf.h"
#include "formats/gguf_writer.h"

namespace dure {
namespace {

using Bytes = std::span<const std::byte>;

constexpr std::string_view kSums = ".in_sum2", kCounts = ".counts";

void check(const Imatrix::Entry& entry, std::string_view name, const std::string& source) {
  require(!entry.counts.empty() && !entry.sums.empty() && entry.sums.size() % entry.counts.size() == 0,
          "{}: {}: {} sums for {} counts, expected a multiple", source, quote(name), entry.sums.size(),
          entry.counts.size());
  for (const std::vector<float>* values : {&entry.sums, &entry.counts})
    for (float value : *values)
      require(value >= 0 && std::isfinite(value), "{}: {}: found {}, expected sums and counts of squares", source,
              quote(name), value);
}

std::vector<float> floats(const Gguf::TensorEntry& entry, const std::string& source) {
  require(entry.type == "F32" && !entry.data.empty(), "{}: {}: {} values of type {}, expected some of F32", source,
          quote(entry.name), entry.shape.numel(), entry.type);
  std::vector<float> values(entry.data.size() / sizeof(float));
  std::memcpy(values.data(), entry.data.data(), entry.data.size());
  return values;
}

Imatrix from_gguf(const Gguf& file) {
  const std::string_view type = file.string_or("general.type", "");
  require(type == "imatrix", "{}: expected an importance matrix, found a GGUF file of {}", file.source(),
          type.empty() ? "no type" : "type " + quote(type));
  Imatrix imatrix;
  if (file.has("imatrix.datasets"))
    for (std::string_view name : file.strings("imatrix.datasets")) imatrix.datasets.emplace_back(name);
  imatrix.chunks = static_cast<uint32_t>(file.integer_or("imatrix.chunk_count", 0, 0, UINT32_MAX));
  imatrix.chunk_size = static_cast<uint32_t>(file.integer_or("imatrix.chunk_size", 0, 0, UINT32_MAX));
  for (const Gguf::TensorEntry& sums : file.tensors()) {
    if (!sums.name.ends_with(kSums)) continue;
    const std::string name(sums.name.substr(0, sums.name.size() - kSums.size()));
    const Gguf::TensorEntry* counts = file.find_tensor(name + std::string(kCounts));
    require(counts != nullptr, "{}: {} has no counts beside its sums", file.source(), quote(name));
    Imatrix::Entry entry{floats(sums, file.source()), floats(*counts, file.source())};
    check(entry, name, file.source());
    imatrix.entries.emplace(name, std::move(entry));
  }
  return imatrix;
}

/// The older kind: int32 entries; for each: int32 length, name, int32 calls, int32 values, float32 means * calls. Then,
/// if there is more: int32 chunks, int32 length, name of the text.
class OldFile {
 public:
  OldFile(Bytes bytes, const std::string& source) : left_(bytes), source_(source) {}

  Imatrix read() {
    Imatrix imatrix;
    const int32_t entries = number("entries");
    require(entries > 0, "{}: expected an importance matrix, found neither a GGUF file nor entries", source_);
    for (int32_t i = 0; i < entries; ++i) {
      const std::string name = text("name");
      const int32_t calls = number("calls"), values = number("values");
      require(values > 0, "{}: {}: {} values", source_, quote(name), values);
      const Bytes bytes = take(static_cast<uint64_t>(values) * sizeof(float), "values");
      Imatrix::Entry entry{std::vector<float>(static_cast<size_t>(values)),
                           {calls > 0 ? static_cast<float>(calls) : 1}};
      std::memcpy(entry.sums.data(), bytes.data(), bytes.size());
      check(entry, name, source_);
      require(imatrix.entries.emplace(name, std::move(entry)).second, "{}: {} occurs twice", source_, quote(name));
    }
    if (!left_.empty()) imatrix.chunks = static_cast<uint32_t>(number("chunks"));
    if (!left_.empty()) imatrix.datasets.push_back(text("name of the text"));
    return imatrix;
  }

 private:
  Bytes take(uint64_t n, std::string_view what) {
    require(n <= left_.size(), "{}: cut short or no importance matrix: {} of {} bytes where {} are left", source_, what,
            n, left_.size());
    const Bytes taken = left_.first(n);
    left_ = left_.subspan(n);
    return taken;
  }
  int32_t number(std::string_view what) {
    int32_t value;
    std::memcpy(&value, take(sizeof(value), what).data(), sizeof(value));
    return value;
  }
  std::string text(std::string_view what) {
    const int32_t length = number(what);
    require(length >= 0, "{}: {} of {} bytes", source_, what, length);
    const Bytes bytes = take(static_cast<uint64_t>(length), what);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }

  Bytes left_;
  const std::string& source_;
};

}  // namespace

std::vector<float> Imatrix::Entry::means() const {
  std::vector<float> means(sums.size());
  const size_t share = sums.size() / counts.size();
  for (size_t i = 0; i < means.size(); ++i) {
    const float count = counts[i / share];
    means[i] = count > 0 ? sums[i] / count : 1;
  }
  return means;
}

const Imatrix::Entry* Imatrix::find(std::string_view weight) const {
  const auto found = entries.find(weight);
  return found == entries.end() ? nullptr : &found->second;
}

Imatrix parse_imatrix(Bytes bytes, const std::string& source) {
  if (bytes.size() >= 4 && std::memcmp(bytes.data(), "GGUF", 4) == 0)
    return from_gguf(Gguf::parse(bytes, source, nullptr));
  return OldFile(bytes, source).read();
}

Imatrix read_imatrix(const std::filesystem::path& path) {
  return parse_imatrix(MappedFile::open(path)->bytes(), path.string());
}

void write_imatrix(const std::filesystem::path& path, const Imatrix& imatrix, Device& device) {
  GgufWriter writer;
  writer.add("general.type", "imatrix");
  writer.add("imatrix.datasets", imatrix.datasets);
  writer.add("imatrix.chunk_count", imatrix.chunks);
  writer.add("imatrix.chunk_size", imatrix.chunk_size);
  for (const auto& [name, entry] : imatrix.entries) {
    const int64_t matrices = static_cast<int64_t>(entry.counts.size());
    const int64_t columns = static_cast<int64_t>(entry.sums.size()) / matrices;
    writer.add_tensor(name + std::string(kSums), Tensor::from(device, entry.sums, {matrices, columns}));
    writer.add_tensor(name + std::string(kCounts), Tensor::from(device, entry.counts, {matrices, 1}));
  }
  writer.write(path);
}

}  // namespace dure
