#pragma once

#include <string>
#include <string_view>

#include "compose/admin_cli.h"

namespace sovmesh::compose {

// Asks for a report of the admin API and prints it as it came. An exit code, as of admin_call().
int print_report(const AdminCli& cli, std::string_view target);

// `sovmesh ledger verify`: prints what it found. kExitOk when nothing differs, kExitFailed when
// something does, kExitDataDir when the ledger cannot be read.
int verify_ledger_online(const AdminCli& cli);
// Reads DATA_DIR/ledger.db itself, whether a server runs on it or not; writes nothing.
int verify_ledger_offline(const std::string& data_dir, bool json);

}  // namespace sovmesh::compose
