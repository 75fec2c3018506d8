#include <fmt/format.h>

#include <cstdio>
#include <iostream>

#include "base/error.h"
#include "base/json.h"
#include "cli/app.h"
#include "cli/hub_environment.h"
#include "formats/model_tokenizer.h"
#include "text/tokenizer.h"

namespace dure {
namespace {

/// One line of --jsonl: {"text"} gives ids and their text, {"ids"} gives their text.
Json answer(const Tokenizer& tokenizer, const std::string& line, EncodeOptions options) {
  const Json in = parse_json(line, "input line");
  require(in.is_object() && (in.contains("text") || in.contains("ids")), "expected an object with 'text' or 'ids'");
  std::vector<int> ids;
  if (in.contains("text")) {
    require(in["text"].is_string(), "field 'text': expected a string");
    ids = tokenizer.encode(in["text"].get_ref<const std::string&>(), options);
  } else {
    require(in["ids"].is_array(), "field 'ids': expected an array");
    for (const Json& id : in["ids"]) {
      require(id.is_number_integer() && id.get<int64_t>() >= 0 && id.get<int64_t>() <= INT32_MAX,
              "field 'ids': expected token ids, found {}", quote(dump_json(id)));
      ids.push_back(id.get<int>());
    }
  }
  return {{"ids", ids}, {"decoded", tokenizer.decode(ids)}, {"decoded_skip_special", tokenizer.decode(ids, true)}};
}

}  // namespace

/// dure tokenize MODEL: text to ids and back.
void add_tokenize(CLI::App& app) {
  struct Options {
    std::string model;
    std::optional<std::string> text;
    bool jsonl = false;
    EncodeOptions encode;
    bool plain = false;
  };
  auto o = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("tokenize", "Turn text into token ids and back");
  command->add_option("MODEL", o->model, "A model, or a folder with a tokenizer.json")->required();
  command->add_option("TEXT", o->text, "The text; without it, standard input is read");
  command->add_flag("--jsonl", o->jsonl, "One JSON object per line in ({\"text\"} or {\"ids\"}) and out");
  command->add_flag("--add-special", o->encode.add_special, "Add the tokenizer's BOS and EOS");
  command->add_flag("--plain", o->plain, "Read control tokens in the text as plain text");
  command->callback([o] {
    o->encode.parse_special = !o->plain;
    const Tokenizer tokenizer(read_model_tokenizer(model_path(o->model)));
    if (o->jsonl) {
      for (std::string line; std::getline(std::cin, line);) {
        if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
        Json out;
        try {
          out = answer(tokenizer, line, o->encode);
        } catch (const Error& e) {
          out = {{"error", e.what()}};
        }
        fmt::print("{}\n", dump_json(out));
      }
      return;
    }
    if (!o->text) o->text.emplace(std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>());
    const std::vector<int> ids = tokenizer.encode(*o->text, o->encode);
    for (const int id : ids) fmt::print("{:8} {}\n", id, quote(tokenizer.token_bytes(id)));
    fmt::print("{} tokens\n", ids.size());
  });
}

}  // namespace dure
