#include <CLI/CLI.hpp>

#include <cstdio>
#include <memory>
#include <string>

#include "commands.h"
#include "compose/audit.h"
#include "compose/audit_cli.h"
#include "compose/serve.h"
#include "connection.h"

// `sovmesh audit ...`: the audit log of a running server, and its offline verifier.
namespace sovmesh {
namespace {

constexpr const char* kJsonHelp = "Print JSON";

using compose::AdminCli;

struct Context {
  CLI::App* app;
  std::shared_ptr<AdminCli> cli;
  int& code;

  CLI::App* verb(const std::string& name, const std::string& help) const {
    CLI::App* command = app->add_subcommand(name, help);
    add_connection(*command, *cli, kJsonHelp);
    return command;
  }
};

void add_list(const Context& audit) {
  CLI::App* list = audit.verb("list", "List entries, newest first");
  const auto options = std::make_shared<compose::AuditListOptions>();
  list->add_option("--tenant", options->tenant, "Only of this tenant (slug or id)");
  list->add_option("--action", options->action,
                   "Only this action, as key.create, or all that begin so: 'key.*'; 'request' for "
                   "requests");
  list->add_option("--object", options->object, "Only this object, as key/ID; '*' as above");
  list->add_option("--subject", options->subject,
                   "Only what this user did, or what concerns him (with --tenant), or this admin");
  list->add_option("--from", options->from, "From this time on, as 2027-01-31T12:00:00Z");
  list->add_option("--until", options->until, "Before this time");
  list->add_option("--limit", options->limit, "At most so many")->capture_default_str();
  list->callback([audit, options] { audit.code = compose::audit_list(*audit.cli, *options); });
}

void add_one_entry(const Context& audit) {
  const auto name = std::make_shared<std::string>();
  const auto detail = std::make_shared<bool>(false);
  CLI::App* show = audit.verb("show", "Show one entry");
  show->add_option("ENTRY", *name, "Its number, or a request's id: req_...")->required();
  show->add_flag("--detail", *detail, "Decrypt what is kept beside the log, if it still can be");
  show->callback(
      [audit, name, detail] { audit.code = compose::audit_show(*audit.cli, *name, *detail); });
  const auto out = std::make_shared<std::string>();
  CLI::App* prove = audit.verb("prove", "Prove that an entry is in the log, and check the proof");
  prove->add_option("ENTRY", *name, "Its number, or a request's id: req_...")->required();
  prove->add_option("--out", *out,
                    "Keep it in this folder: NUMBER.entry and NUMBER.proof (C2SP tlog-proof)");
  prove->callback(
      [audit, name, out] { audit.code = compose::audit_prove(*audit.cli, *name, *out); });
}

void add_verify(const Context& audit) {
  CLI::App* verify = audit.app->add_subcommand(
      "verify",
      "Verify a log's folder or an export, offline: every entry, hash and signature. Exit "
      "code 0: good, 1: bad, 2: cannot be checked");
  const auto options = std::make_shared<compose::AuditVerifyOptions>();
  const auto data_dir = std::make_shared<std::string>("/var/lib/sovmesh");
  verify->add_option("PATH", options->path,
                     "Folder with checkpoint and tiles, or of an export (default: DATA_DIR/audit)");
  verify->add_option("--data-dir", *data_dir, "Data folder, when there is no PATH")
      ->envname("SM_DATA_DIR")
      ->capture_default_str();
  verify->add_option(
      "--keys", options->keys,
      "Your own list of the log's keys (default: the one in the folder, which proves "
      "less)");
  verify->add_option("--origin", options->origin, "The log's name, as you know it");
  verify->add_option(
      "--older-checkpoint", options->older,
      "A checkpoint kept elsewhere, which must be a beginning of this log; repeatable");
  CLI::Option* witnesses = verify->add_option("--witness-keys", options->witnesses,
                                              "File of witnesses' keys, one a line");
  verify
      ->add_option("--quorum", options->quorum,
                   "How many of them must have cosigned (default: all)")
      ->needs(witnesses);
  verify->add_flag("--json", options->json, "Print JSON");
  verify->callback([audit, options, data_dir] {
    if (options->path.empty()) options->path = *data_dir + "/audit";
    audit.code = compose::audit_verify(*options);
  });
}

void add_copies(const Context& audit) {
  const auto tenant = std::make_shared<std::string>();
  const auto out = std::make_shared<std::string>();
  CLI::App* exported =
      audit.verb("export", "Write a tenant's entries with their proofs, for `audit verify`");
  exported->add_option("--tenant", *tenant, "The tenant (slug or id)")->required();
  exported->add_option("--out", *out, "Folder to make")->required();
  exported->callback(
      [audit, tenant, out] { audit.code = compose::audit_export(*audit.cli, *tenant, *out); });
  CLI::App* checkpoint =
      audit.verb("checkpoint",
                 "Print the newest checkpoint, or keep it: what is kept elsewhere catches a fork");
  checkpoint->add_option("--out", *out,
                         "File, or folder for a file per size; nothing there is overwritten");
  checkpoint->callback([audit, out] { audit.code = compose::audit_checkpoint(*audit.cli, *out); });
}

void offer_subject(CLI::App& command, compose::AuditWriteOptions& options) {
  command.add_option("--tenant", options.tenant, "The tenant (slug or id)");
  command.add_option("--subject", options.subject,
                     "The user (a key's owner), or without --tenant an admin, as uid:1000");
  command.add_option("--reason", options.reason, "Why, for everybody to read; no personal data");
}

void add_writes(const Context& audit) {
  const auto options = std::make_shared<compose::AuditWriteOptions>();
  const auto write = [audit, options](const std::string& verb) {
    return
        [audit, options, verb] { audit.code = compose::audit_write(*audit.cli, verb, *options); };
  };
  CLI::App* erase =
      audit.verb("erase",
                 "Destroy a person's keys: what the log and its details say of them can never be "
                 "read again. Proofs stay whole");
  offer_subject(*erase, *options);
  erase->get_option("--subject")->required();
  const auto sure = std::make_shared<bool>(false);
  erase->add_flag("--yes", *sure, "It cannot be undone");
  erase->callback([audit, sure, run = write("erase")] {
    if (*sure) return run();
    std::fputs("sovmesh: this cannot be undone; say --yes\n", stderr);
    audit.code = compose::kExitUsage;
  });
  CLI::App* hold = audit.app->add_subcommand(
      "hold", "Legal hold: while it is on, nothing of a person or a tenant is erased or dropped");
  hold->require_subcommand(1);
  const Context holds{.app = hold, .cli = audit.cli, .code = audit.code};
  CLI::App* add =
      holds.verb("add", "Put a hold on --subject, on --tenant, or on a tenant's subject");
  offer_subject(*add, *options);
  add->callback(write("hold"));
  CLI::App* remove = holds.verb("remove", "Take it off again");
  offer_subject(*remove, *options);
  remove->callback(write("release"));
  CLI::App* list = holds.verb("list", "List the holds that are on");
  const auto tenant = std::make_shared<std::string>();
  list->add_option("--tenant", *tenant, "Only of this tenant (slug or id)");
  list->callback([audit, tenant] { audit.code = compose::audit_holds(*audit.cli, *tenant); });
  CLI::App* rotate = audit.verb("rotate-key", "Sign with a new key, announced under the old one");
  rotate->add_option("--reason", options->reason, "Why, for everybody to read");
  rotate->callback(write("rotate-key"));
}

}  // namespace

void add_audit_commands(CLI::App& app, int& code) {
  CLI::App* command = app.add_subcommand("audit", "Read, prove and verify the audit log");
  command->require_subcommand(1);
  auto cli = std::make_shared<AdminCli>();
  cli->data_dir = "/var/lib/sovmesh";
  const Context audit{.app = command, .cli = std::move(cli), .code = code};
  add_list(audit);
  add_one_entry(audit);
  add_verify(audit);
  add_copies(audit);
  add_writes(audit);
}

// Not for people: `serve` starts it and talks to it over a socket.
void add_audit_signer_command(CLI::App& app, int& code) {
  CLI::App* signer =
      app.add_subcommand("audit-signer", "The audit log's signer; `serve` starts it");
  signer->group("");  // not in the help
  const auto options = std::make_shared<compose::AuditSignerOptions>();
  signer->add_option("--key", options->key_file)->required();
  signer->add_option("--state", options->state_file)->required();
  signer->add_option("--origin", options->origin)->required();
  signer->add_flag("--new-log", options->new_log);
  signer->callback([options, &code] { code = compose::run_audit_signer(*options); });
}

}  // namespace sovmesh
