#include <fmt/format.h>

#include <filesystem>
#include <iostream>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "chat/assistant.h"
#include "cli/app.h"
#include "cli/hub_environment.h"
#include "formats/model_tokenizer.h"
#include "text/chat_template.h"
#include "text/encoding/encoding.h"

namespace dure {
namespace {

struct Source {
  std::unique_ptr<PromptRenderer> renderer;
  std::vector<std::pair<std::string, std::string>> special_tokens;  // for contexts that do not give them
};

/// model_type of a folder's config.json: models without a template are known by it. Empty if there is none.
std::string model_type_of(const std::filesystem::path& model) {
  const std::filesystem::path config = model / "config.json";
  if (!std::filesystem::exists(config)) return "";
  const Json json = parse_json(read_file(config), config.string());
  return Fields(json, config.string()).string_or("model_type", "");
}

/// A .jinja file, the template or encoding of a model, or an encoding by its own name.
Source open_template(const std::string& path) {
  if (path.ends_with(".jinja") || path.ends_with(".j2")) {
    constexpr size_t kMaxTemplate = 8 << 20;
    return {std::make_unique<ChatTemplate>(read_file(path, kMaxTemplate), path), {}};
  }
  if (path.starts_with("deepseek-v") && !std::filesystem::exists(path)) return {make_encoding(path), {}};
  const std::filesystem::path model = model_path(path);
  const TokenizerSpec spec = read_model_tokenizer(model);
  Source source{make_renderer(spec, model_type_of(model)), spec.special_tokens};
  require(source.renderer != nullptr, "{}: the model has no chat template", path);
  return source;
}

}  // namespace

/// dure template MODEL|FILE.jinja: conversations to prompts.
void add_template(CLI::App& app) {
  struct Options {
    std::string path;
    bool jsonl = false;
  };
  auto o = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("template", "Render conversations with a chat template");
  command->add_option("MODEL|FILE.jinja", o->path, "A model, a .jinja file, or an encoding such as deepseek-v4")
      ->required();
  command->add_flag("--jsonl", o->jsonl, "One template context per line in, {\"rendered\"} or {\"error\"} out");
  command->callback([o] {
    const Source source = open_template(o->path);
    for (std::string line; std::getline(std::cin, line);) {
      if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
      Json out;
      try {
        Json context = parse_json(line, "input line");
        require(context.is_object(), "expected a template context: a JSON object");
        for (const auto& [name, text] : source.special_tokens)
          if (!context.contains(name)) context[name] = text;
        out = {{"rendered", source.renderer->render(context)}};
      } catch (const Error& e) {
        out = {{"error", e.what()}};
      }
      if (o->jsonl) {
        fmt::print("{}\n", dump_json(out));
      } else {
        require(out.contains("rendered"), "{}", out.value("error", ""));
        fmt::print("{}\n", out["rendered"].get<std::string>());
      }
    }
  });
}

}  // namespace dure
