#pragma once

namespace CLI {
class App;
}

namespace sovmesh {

// Each adds one subcommand whose run sets `code`, the exit code of the program.
void add_serve_command(CLI::App& app, int& code);
void add_demo_command(CLI::App& app, int& code);
void add_config_command(CLI::App& app, int& code);
void add_admin_commands(CLI::App& app, int& code);       // one per kind of object
void add_tenant_settings(CLI::App& tenant, int& code);   // below `tenant`
void add_artifact_commands(CLI::App& model, int& code);  // below `model`
void add_model_check_command(CLI::App& app, int& code);
void add_user_commands(CLI::App& app, int& code);
void add_webhook_commands(CLI::App& app, int& code);
void add_gitops_commands(CLI::App& app, int& code);   // export, diff, apply
void add_context_commands(CLI::App& app, int& code);  // login, context
void add_completion_command(CLI::App& app, int& code);
void add_top_command(CLI::App& app, int& code);
void add_import_command(CLI::App& app, int& code);
void add_report_commands(CLI::App& app, int& code);  // usage, statement, explain, ledger
void add_engine_sim_command(CLI::App& app, int& code);
void add_sim_commands(CLI::App& app, int& code);  // run, compare, replay
void add_audit_commands(CLI::App& app, int& code);
void add_audit_signer_command(CLI::App& app, int& code);
void add_backup_commands(CLI::App& app, int& code);
void add_doctor_command(CLI::App& app, int& code);

}  // namespace sovmesh
