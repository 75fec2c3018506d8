#include <fmt/format.h>

#include <filesystem>
#include <ostream>

#include "backend/registry.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "cli/app.h"
#include "formats/llama2c.h"
#include "formats/llama2c_tokenizer.h"
#include "formats/tokenizer_json_writer.h"

namespace dure {
namespace {

void write_text(const std::filesystem::path& path, const std::string& text) {
  write_file_atomically(path, [&](std::ostream& out) { out << text; });
}

void convert_llama2c(const std::string& model, const std::string& tokenizer, const std::filesystem::path& folder) {
  const std::unique_ptr<Device> device = make_device();
  const Llama2c weights = open_llama2c(model, *device);
  const std::string bytes = read_file(tokenizer);
  const TokenizerSpec spec = parse_llama2c_tokenizer(std::as_bytes(std::span(bytes)), tokenizer);
  require(static_cast<int>(spec.tokens.size()) == weights.vocab_size, "{}: {} tokens, but {} has a vocabulary of {}",
          tokenizer, spec.tokens.size(), model, weights.vocab_size);

  std::error_code error;
  std::filesystem::create_directories(folder, error);
  require(!error, "{}: cannot make the folder: {}", folder.string(), error.message());
  write_hf_folder(weights, folder);
  write_text(folder / "tokenizer.json", to_tokenizer_json(spec));
  write_text(folder / "tokenizer_config.json", to_tokenizer_config(spec));
  // llama2.c's own program ends a text at BOS, which is how its training data separate stories.
  const Json generation = {{"bos_token_id", 1}, {"eos_token_id", {2, 1}}};
  write_text(folder / "generation_config.json", dump_json(generation, 2) + "\n");
}

}  // namespace

/// dure convert MODEL.bin TOKENIZER.bin DIR: llama2.c's pair of files becomes a Hugging Face folder.
void add_convert(CLI::App& app) {
  struct Options {
    std::string model, tokenizer, folder;
  };
  auto o = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("convert", "Write a llama2.c model as a Hugging Face folder");
  command->add_option("MODEL.bin", o->model, "Weights, such as stories260K.bin")->required();
  command->add_option("TOKENIZER.bin", o->tokenizer, "Its vocabulary, such as tok512.bin")->required();
  command->add_option("DIR", o->folder, "Where to write; made if it does not exist")->required();
  command->callback([o] {
    convert_llama2c(o->model, o->tokenizer, o->folder);
    fmt::print("{}: written\n", o->folder);
  });
}

}  // namespace dure
