#include <fmt/format.h>

#include <string>

#include "cli/app.h"

namespace dure {
namespace {

/// One cell of a Markdown table.
std::string cell(std::string text) {
  for (size_t at = 0; (at = text.find('|', at)) != std::string::npos; at += 2) text.insert(at, 1, '\\');
  return text;
}

/// `-t,--threads INT`; a positional is its name.
std::string signature(const CLI::Option& option) {
  if (option.get_positional()) return "`" + option.get_name() + "`";
  std::string text = option.get_name(false, true);
  const std::string type = option.get_type_name();
  if (option.get_type_size() != 0 && !type.empty()) text += " " + type.substr(0, type.find(':'));
  return "`" + text + "`" + (option.get_required() ? " (required)" : "");
}

void write_options(const CLI::App& command, std::string& out) {
  const auto in_group = [](const std::string& group) {
    return [&group](const CLI::Option* o) {
      return o->get_group() == group && o->get_name(false, true).find("--help") == std::string::npos;
    };
  };
  for (const std::string& group : command.get_groups()) {
    const std::vector<const CLI::Option*> options = command.get_options(in_group(group));
    if (options.empty() || group.empty()) continue;  // a group without a name is hidden
    out += group == "Options" || group == "OPTIONS" || group == "POSITIONALS" ? "\n" : "\n" + group + ":\n\n";
    out += "| option | meaning |\n|---|---|\n";
    for (const CLI::Option* o : options)
      out += "| " + cell(signature(*o)) + " | " + cell(o->get_description()) + " |\n";
  }
}

void write_command(const CLI::App& command, const std::string& parent, std::string& out) {
  const std::string name = parent + " " + command.get_name();
  std::string usage = name;
  for (const CLI::Option* o : command.get_options([](const CLI::Option* o) { return o->get_positional(); })) {
    const bool several = o->get_items_expected_max() > 1;
    const std::string word = o->get_name() + (several ? "..." : "");
    usage += o->get_required() ? " " + word : " [" + word + "]";
  }
  out += "\n## " + usage + "\n\n" + command.get_description() + ".\n";
  write_options(command, out);
  for (const CLI::App* sub : command.get_subcommands({})) write_command(*sub, name, out);
}

}  // namespace

/// dure reference: every command and option as Markdown, which is docs/cli.md.
void add_reference(CLI::App& app) {
  CLI::App* command = app.add_subcommand("reference", "Print docs/cli.md");
  command->group("");  // of use to those who change the program only
  command->callback([&app] {
    std::string out =
        "# Commands\n\nWhat `dure COMMAND --help` says, in one place. This page is made by `dure reference > "
        "docs/cli.md`.\n";
    for (const CLI::App* sub : app.get_subcommands([](const CLI::App* c) { return !c->get_group().empty(); }))
      write_command(*sub, "dure", out);
    fmt::print("{}", out);
  });
}

}  // namespace dure
