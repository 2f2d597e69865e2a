#include <CLI/CLI.hpp>

#include <cstdio>
#include <string>
#include <string_view>

#include "commands.h"

namespace {

// To describe all commands takes as long as half a start, and a start of the server runs this
// twice: its two roles are described alone.
void add_commands(CLI::App& app, int& code, std::string_view wanted) {
  if (wanted == "serve") return sovmesh::add_serve_command(app, code);
  if (wanted == "audit-signer") return sovmesh::add_audit_signer_command(app, code);
  if (wanted == "model-check") return sovmesh::add_model_check_command(app, code);
  sovmesh::add_serve_command(app, code);
  sovmesh::add_demo_command(app, code);
  sovmesh::add_config_command(app, code);
  sovmesh::add_admin_commands(app, code);
  sovmesh::add_user_commands(app, code);
  sovmesh::add_webhook_commands(app, code);
  sovmesh::add_gitops_commands(app, code);
  sovmesh::add_context_commands(app, code);
  sovmesh::add_audit_commands(app, code);
  sovmesh::add_backup_commands(app, code);
  sovmesh::add_audit_signer_command(app, code);
  sovmesh::add_report_commands(app, code);
  sovmesh::add_engine_sim_command(app, code);
  sovmesh::add_sim_commands(app, code);
  sovmesh::add_doctor_command(app, code);
  sovmesh::add_top_command(app, code);
  sovmesh::add_import_command(app, code);
  sovmesh::add_completion_command(app, code);  // the last one: it tells of those before it
}

// An empty value is a variable that is not set, more often than not; taken for an option that was
// not given, `--user ""` would mean all users.
void refuse_empty_values(CLI::App& command) {
  const CLI::Validator is_there(
      [](const std::string& value) -> std::string {
        return value.empty() ? "the value is empty" : "";
      },
      "");
  for (CLI::Option* const option : command.get_options()) {
    if (option->get_items_expected_max() > 0) option->check(is_there);
  }
  for (CLI::App* const sub : command.get_subcommands({}))
    refuse_empty_values(*sub);
}

}  // namespace

// Arguments in, one call into a role, exit code out. Exit codes: 0 clean, 1 failed, 2 usage,
// 3 unreachable (nobody there to talk to, or an address that cannot be listened on), 4
// configuration, 5 data folder, 6 the server cannot do it now.
int main(int argc, char** argv) {
  CLI::App app("Sovereign Mesh: a self-hosted, multi-tenant LLM inference platform", "sovmesh");
  app.set_version_flag("--version", "sovmesh " SM_VERSION);
  app.require_subcommand(1);
  app.failure_message(CLI::FailureMessage::help);

  int code = 0;
  add_commands(app, code, argc > 1 ? argv[1] : "");
  refuse_empty_values(app);

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const bool wants_text = error.get_exit_code() == 0;  // --help, --version
    app.exit(error);
    return wants_text ? 0 : 2;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "sovmesh: %s\n", error.what());
    return 1;
  }
  return code;
}
