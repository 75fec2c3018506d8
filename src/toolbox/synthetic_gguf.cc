#include "base/json.h"
#include "formats/tokenizer_gguf_writer.h"
#include "text/byte_level.h"
#include "toolbox/gguf_plan.h"
#include "toolbox/random_rows.h"
#include "toolbox/resumable_file.h"
#include "toolbox/synthetic.h"

namespace dure {
namespace {

constexpr int64_t kChunk = int64_t{16} << 20;  // bytes that are made before they are written

/// Every byte is a token; two begin and end a text. The others are words that no text is cut into, so that an answer of
/// random tokens is text all the same.
TokenizerSpec made_up_tokenizer(int vocab_size) {
  TokenizerSpec spec;
  spec.source = "made-up tokenizer";
  for (int byte = 0; byte < 256; ++byte)
    spec.tokens.push_back(bytes_to_characters(std::string(1, static_cast<char>(byte))));
  for (int id = 256; id < vocab_size - 2; ++id) spec.tokens.push_back(bytes_to_characters(fmt::format(" w{}", id)));
  const int words = static_cast<int>(spec.tokens.size());
  spec.added_tokens = {{words, "<|begin|>", true}, {words + 1, "<|end|>", true}};
  spec.bos_id = words;
  spec.eos_id = words + 1;
  spec.pre_tokenizers = {pre_tokenizers::ByteLevel{.use_regex = true}};
  return spec;
}

/// Writes the tensors of a plan, one after the other.
class SyntheticFile {
 public:
  SyntheticFile(const ShapeSource& source, const QuantType& type, Device& device)
      : config_(without_mtp(source.config)),
        shape_(model_shape(config_, source.name)),
        plan_(shape_, Fields(config_, source.name)),
        types_(plan_.types(type)),
        device_(device) {
    find_parts();
    make_head(source.name, type);
  }

  void write(const std::filesystem::path& path, const std::function<void(int64_t, int64_t)>& progress) {
    ResumableFile out(path, head_);
    uint64_t rows = 0;  // of all tensors so far
    for (size_t i = 0; i < types_.size(); ++i) {
      const Shape& shape = plan_.tensors()[i].shape;
      if (i >= out.parts()) {
        if (i == 0) out.append(std::as_bytes(std::span(head_)));
        if (shape.rank() == 1) {
          write_vector(out, shape, parts_[i]);
        } else {
          write_matrix(out, shape, random_.rows(types_[i], parts_[i]), types_[i], rows);
        }
        out.end_part();
        if (progress) progress(out.bytes(), bytes_);
      }
      rows += static_cast<uint64_t>(shape.numel() / shape.back());
    }
    out.finish();
  }

 private:
  static Json without_mtp(Json config) {
    config.erase("num_nextn_predict_layers");
    return config;
  }

  void find_parts() {
    parts_.resize(types_.size());
    for (size_t p = 0; p < shape_.parameters.size(); ++p)
      for (const GgufPlan::Use& use : plan_.uses()[p]) parts_[use.tensor] = shape_.parameters[p].part;
  }

  void make_head(const std::string& name, const QuantType& type) {
    constexpr uint32_t kQuantizationVersion = 2;
    const Fields config(config_, name);
    GgufHead head;
    head.add("general.architecture", plan_.model().architecture);
    head.add("general.name", name + ", random weights");
    head.add("general.file_type", type.file_type);
    head.add("general.quantization_version", kQuantizationVersion);
    add_config(head, config, false);
    const TokenizerSpec tokenizer = made_up_tokenizer(shape_.info.vocab_size);
    if (tokenizer.vocab_size() <= shape_.info.vocab_size) {
      add_tokenizer(head, tokenizer, {}, shape_.info.vocab_size, {});
    } else {
      add_no_tokenizer(head, {});
    }
    for (size_t i = 0; i < types_.size(); ++i)
      head.add_tensor(plan_.tensors()[i].name, types_[i], plan_.tensors()[i].shape);
    head_ = head.head();
    bytes_ = static_cast<int64_t>(head_.size() + head.data_bytes());
  }

  static void pad(ResumableFile& out, int64_t bytes) {
    const std::string padding(GgufHead::padded(static_cast<uint64_t>(bytes)) - static_cast<uint64_t>(bytes), '\0');
    out.append(std::as_bytes(std::span(padding)));
  }

  static void write_vector(ResumableFile& out, const Shape& shape, Part part) {
    const std::vector<float> values = RandomModel::vector(shape[0], part);
    const std::span bytes = std::as_bytes(std::span(values));
    out.append(bytes);
    pad(out, static_cast<int64_t>(bytes.size()));
  }

  void write_matrix(ResumableFile& out, const Shape& shape, const RandomRows& random, DType dtype, uint64_t first) {
    const int64_t row = row_bytes(dtype, shape.back()), count = shape.numel() / shape.back();
    const int64_t step = std::max<int64_t>(1, kChunk / row);
    std::vector<std::byte> buffer(static_cast<size_t>(std::min(step, count) * row));
    for (int64_t begin = 0; begin < count; begin += step) {
      const int64_t n = std::min(step, count - begin);
      device_.threads().parallel_for(n, 64, [&](int64_t a, int64_t b) {
        for (int64_t r = a; r < b; ++r)
          random.fill(buffer.data() + r * row, row, first + static_cast<uint64_t>(begin + r));
      });
      out.append(std::span(buffer).first(static_cast<size_t>(n * row)));
    }
    pad(out, count * row);
  }

  Json config_;
  ModelShape shape_;
  GgufPlan plan_;
  std::vector<DType> types_;
  Device& device_;
  std::vector<Part> parts_;  // of each tensor
  RandomModel random_;
  std::string head_;
  int64_t bytes_ = 0;
};

}  // namespace

void write_synthetic(const ShapeSource& source, const QuantType& type, Device& device,
                     const std::filesystem::path& file,
                     const std::function<void(int64_t done, int64_t total)>& progress) {
  SyntheticFile(source, type, device).write(file, progress);
}

}  // namespace dure
