#include <CLI/CLI.hpp>

#include <memory>
#include <string>

#include "commands.h"
#include "compose/backup.h"

// `sovmesh backup ...`: archives of a data folder.
namespace sovmesh {
namespace {

using compose::BackupOptions;

void add_common(CLI::App& command, BackupOptions& options) {
  command
      .add_option("--key", options.key,
                  "Where the archive's key is: file:PATH or env:NAME; at least 32 bytes that "
                  "nobody can guess (openssl rand -hex 32). Keep it apart from the archives: "
                  "without it they are lost")
      ->required();
  command.add_flag("--json", options.json, "Print JSON");
}

void add_create(CLI::App& backup, int& code) {
  CLI::App* create = backup.add_subcommand(
      "create",
      "Write an encrypted archive of everything in a data folder as of one instant; the server "
      "may be at work");
  const auto options = std::make_shared<BackupOptions>();
  options->data_dir = "/var/lib/sovmesh";
  create->add_option("--data-dir", options->data_dir, "Data folder of the server")
      ->envname("SM_DATA_DIR")
      ->capture_default_str();
  create->add_option("--out", options->file, "The archive to write")->required();
  create->add_flag("--force", options->force, "Replace the archive if it is there");
  create->add_option(
      "--scratch", options->scratch,
      "Folder for copies of the databases, decrypted, when the data folder's disk is "
      "too full (default: /dev/shm, in memory)");
  add_common(*create, *options);
  create->callback([options, &code] { code = compose::backup_create(*options); });
}

void add_verify(CLI::App& backup, int& code) {
  CLI::App* verify = backup.add_subcommand(
      "verify",
      "Decrypt an archive and check all of it: every hash, both databases, the ledger's sums, the "
      "audit log. Exit code 0: good, 1: bad");
  const auto options = std::make_shared<BackupOptions>();
  verify->add_option("FILE", options->file, "The archive")->required();
  verify->add_option("--scratch", options->scratch,
                     "Folder in which the databases are opened, decrypted, meanwhile (default: "
                     "/dev/shm, in memory)");
  add_common(*verify, *options);
  verify->callback([options, &code] { code = compose::backup_verify(*options); });
}

void add_restore(CLI::App& backup, int& code) {
  CLI::App* restore = backup.add_subcommand(
      "restore",
      "Make a data folder out of an archive, after checking all of it. It begins a new epoch, "
      "which the audit log records at the next start");
  const auto options = std::make_shared<BackupOptions>();
  restore->add_option("FILE", options->file, "The archive")->required();
  restore
      ->add_option("--data-dir", options->data_dir,
                   "Folder to make: must be absent or empty, and no mount point")
      ->required();
  add_common(*restore, *options);
  restore->callback([options, &code] { code = compose::backup_restore(*options); });
}

}  // namespace

void add_backup_commands(CLI::App& app, int& code) {
  CLI::App* backup = app.add_subcommand("backup", "Back up a data folder, and restore it");
  backup->require_subcommand(1);
  add_create(*backup, code);
  add_verify(*backup, code);
  add_restore(*backup, code);
}

}  // namespace sovmesh
