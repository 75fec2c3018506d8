#include "train/run_folder.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "formats/safetensors.h"
#include "models/model.h"

namespace dure {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "step-";
constexpr const char* kTokenizerFiles[] = {"tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
                                           "chat_template.jinja", "generation_config.json"};

/// Runs a file operation whose failure is an Error.
template <class F>
void on_disk(const fs::path& path, F operation) {
  std::error_code error;
  operation(error);
  require(!error, "{}: {}", path.string(), error.message());
}

/// Names in a folder reach the disk with it.
void sync_folder(const fs::path& folder) {
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  ::fsync(fd);
  ::close(fd);
}

void write_json(const fs::path& path, const Json& json) {
  write_file_atomically(path, [&](std::ostream& out) { out << dump_json(json, 2) << '\n'; });
}

/// Matrices and norms in bfloat16; routers' biases, of which small differences count, as they are.
NamedTensors exported(const Parameters& parameters) {
  NamedTensors tensors;
  for (const Parameter& p : parameters) {
    if (p.name.ends_with(".e_score_correction_bias")) {
      tensors.emplace_back(p.name, p.tensor);
      continue;
    }
    const Tensor t = Tensor::empty(p.tensor.device(), DType::BF16, p.tensor.shape());
    info(DType::BF16).quantise(p.tensor.data().data(), nullptr, t.view().data, t.numel());
    tensors.emplace_back(p.name, t);
  }
  return tensors;
}

}  // namespace

fs::path model_in(const fs::path& path) {
  const RunFolder run(path);
  const auto last = run.latest();
  return last ? run.step(*last) : path;
}

fs::path RunFolder::step(int64_t number) const { return path_ / fmt::format("{}{:08}", kPrefix, number); }

std::vector<int64_t> RunFolder::steps() const {
  std::vector<int64_t> found;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(path_, none)) {
    const std::string name = entry.path().filename().string();
    int64_t number = 0;
    if (!name.starts_with(kPrefix)) continue;
    const char* end = name.data() + name.size();
    if (std::from_chars(name.data() + kPrefix.size(), end, number).ptr == end) found.push_back(number);
  }
  std::ranges::sort(found);
  return found;
}

std::optional<int64_t> RunFolder::latest() const {
  const std::vector<int64_t> all = steps();
  return all.empty() ? std::nullopt : std::optional(all.back());
}

void RunFolder::add(int64_t number, int keep, const std::function<void(const fs::path&)>& write) const {
  const fs::path folder = step(number), temporary = folder.string() + ".tmp";
  try {
    on_disk(temporary, [&](std::error_code& e) { fs::remove_all(temporary, e); });
    on_disk(temporary, [&](std::error_code& e) { fs::create_directories(temporary, e); });
    write(temporary);
    sync_folder(temporary);
    on_disk(folder, [&](std::error_code& e) { fs::remove_all(folder, e); });
    on_disk(folder, [&](std::error_code& e) { fs::rename(temporary, folder, e); });
    sync_folder(path_);
  } catch (...) {
    std::error_code ignored;
    fs::remove_all(temporary, ignored);
    throw;
  }
  const std::vector<int64_t> all = steps();
  for (size_t i = 0; i + static_cast<size_t>(keep) < all.size(); ++i)
    on_disk(step(all[i]), [&](std::error_code& e) { fs::remove_all(step(all[i]), e); });
}

void write_model(const fs::path& folder, const Json& config, const Model& model, const fs::path& tokenizer) {
  Json half = config;
  half["torch_dtype"] = "bfloat16";
  write_json(folder / "config.json", half);
  write_safetensors(folder / "model.safetensors", exported(model.parameters()));
  for (const char* name : kTokenizerFiles) {
    const fs::path file = tokenizer / name;
    if (!tokenizer.empty() && fs::exists(file))
      on_disk(file, [&](std::error_code& e) { fs::copy_file(file, folder / name, e); });
  }
  const fs::path trainer = folder / "trainer";
  on_disk(trainer, [&](std::error_code& e) { fs::create_directories(trainer, e); });
  write_json(trainer / "config.json", config);
  NamedTensors parameters;
  for (const Parameter& p : model.parameters()) parameters.emplace_back(p.name, p.tensor);
  write_safetensors(trainer / "model.safetensors", std::move(parameters));
}

void write_trainer_state(const fs::path& folder, const NamedTensors& optimizer, const TrainerState& state) {
  const fs::path trainer = folder / "trainer";
  on_disk(trainer, [&](std::error_code& e) { fs::create_directories(trainer, e); });
  write_safetensors(trainer / "optimizer.safetensors", optimizer);
  write_json(trainer / "state.json", {{"step", state.step}, {"tokens", state.tokens}, {"data", *state.data}});
  sync_folder(trainer);
}

TrainerState read_trainer_state(const fs::path& folder, const NamedTensors& optimizer, Device& device) {
  const Safetensors file = Safetensors::open(folder / "trainer/optimizer.safetensors");
  require(file.entries().size() == optimizer.size(), "{}: {} tensors, but this recipe's optimizer has {}",
          file.source(), file.entries().size(), optimizer.size());
  for (const auto& [name, to] : optimizer) {
    require(file.contains(name), "{}: no tensor '{}': it is of another optimizer", file.source(), name);
    const Tensor from = file.load(name, device);
    require(from.dtype() == DType::F32 && from.shape() == to.shape(), "{}: tensor '{}' is {} {}, expected F32 {}",
            file.source(), name, dure::name(from.dtype()), from.shape(), to.shape());
    std::ranges::copy(from.data(), to.data().begin());
  }
  const fs::path path = folder / "trainer/state.json";
  const Json json = parse_json(read_file(path), path.string());
  const auto number = [&](const char* key) {
    require(json.is_object() && json.contains(key) && json.at(key).is_number_integer() && json.at(key) >= 0,
            "{}: field '{}': expected a number", path.string(), key);
    return json.at(key).get<int64_t>();
  };
  TrainerState state{number("step"), number("tokens"), nullptr};
  require(json.contains("data"), "{}: field 'data' is missing", path.string());
  state.data = std::make_shared<const Json>(json.at("data"));
  return state;
}

}  // namespace dure
