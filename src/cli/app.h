#pragma once

#include <CLI/CLI.hpp>

namespace dure {

/// The whole program: parses the command line, runs one subcommand, returns the exit code. The only place that catches
/// everything: an Error becomes one line on stderr and exit code 1; a wrong command line is 2.
int run_app(int argc, char** argv);

// One file per subcommand; each adds itself and runs from its callback.
void add_chat(CLI::App& app);
void add_run(CLI::App& app);
void add_info(CLI::App& app);
void add_verify(CLI::App& app);
void add_eval(CLI::App& app);
void add_imatrix(CLI::App& app);
void add_logits(CLI::App& app);
void add_tokenize(CLI::App& app);
void add_data(CLI::App& app);
void add_tokenizer(CLI::App& app);
void add_template(CLI::App& app);
void add_convert(CLI::App& app);
void add_quantize(CLI::App& app);
void add_merge(CLI::App& app);
void add_reference(CLI::App& app);
void add_doctor(CLI::App& app);
void add_pull(CLI::App& app);
void add_list(CLI::App& app);
void add_rm(CLI::App& app);
void add_plan(CLI::App& app);
void add_bench(CLI::App& app);
void add_serve(CLI::App& app);
void add_ps(CLI::App& app);
void add_train(CLI::App& app);
void add_plot(CLI::App& app);

/// Ends the program with this exit code although nothing went wrong inside it (a verification that failed).
struct ExitCode {
  int code;
};

}  // namespace dure
