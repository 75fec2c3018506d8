#include <fmt/format.h>

#include <csignal>

#include "base/error.h"
#include "base/file.h"
#include "cli/app.h"
#include "cli/data_commands.h"
#include "cli/model_options.h"
#include "cli/terminal.h"
#include "toolbox/hub/data_files.h"
#include "train/data/import_records.h"

namespace dure {
namespace {

struct FetchOptions {
  std::string manifest;
  DataFetchOptions fetch;
};

void make_records(const DataFile& file, const std::filesystem::path& folder) {
  if (file.as.empty()) return;
  const ImportedRecords records = import_records(folder / file.local(), file.as);
  write_file_atomically(folder / file.out, [&](std::ostream& out) { out << records.lines; });
  fmt::print("{}  {} records from {}, {}\n", file.out, records.count, file.repository, file.licence);
}

void fetch(const FetchOptions& o) {
  const std::vector<DataFile> files = parse_data_manifest(read_file(o.manifest, size_t{16} << 20), o.manifest);
  std::signal(SIGXFSZ, SIG_IGN);  // a disk quota and a server that hangs up are errors to report
  std::signal(SIGPIPE, SIG_IGN);
  int64_t total = 0, before = 0;
  for (const DataFile& file : files) total += file.size;
  const InterruptGuard guard;
  try {
    ProgressBar bar("fetching");
    fetch_data_files(
        files, o.fetch, [&] { return guard.interrupted(); },
        [&](const FileProgress& progress) {
          if (progress.state == FileProgress::finished) before += progress.size;
          bar.update(progress.state == FileProgress::finished ? before : before + progress.done, total);
        });
  } catch (const HttpStopped&) {
    fmt::print(stderr, "stopped; what has arrived is kept, and the same command goes on there\n");
    throw ExitCode{130};
  }
  for (const DataFile& file : files) make_records(file, o.fetch.into);
}

}  // namespace

/// dure data fetch: public files by what can never change.
void add_data_fetch(CLI::App& parent) {
  auto o = std::make_shared<FetchOptions>();
  CLI::App* command =
      parent.add_subcommand("fetch", "Fetch the public files that a manifest names, each held to its SHA-256");
  command->add_option("MANIFEST", o->manifest, "A JSON file such as recipes/dure-mini/data.json")->required();
  command->add_option("--into", o->fetch.into, "Folder for the files, OWNER/NAME/PATH, and the records made of them")
      ->type_name("DIR")
      ->required();
  command->add_option("--data", o->fetch.data, "Take the files from a local copy, OWNER/NAME/PATH, and ask no server")
      ->type_name("DIR");
  command->add_option("--server", o->fetch.server, "Where SERVER/OWNER/NAME/COMMIT/PATH is asked for")
      ->type_name("URL")
      ->capture_default_str();
  command->add_option("--retries", o->fetch.retries, "Further attempts after one that brought nothing")
      ->check(CLI::Range(0, 100))
      ->capture_default_str();
  command->callback([o] { fetch(*o); });
}

}  // namespace dure
