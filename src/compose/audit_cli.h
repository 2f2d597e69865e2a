#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "compose/admin_cli.h"

namespace sovmesh::compose {

// `sovmesh audit ...`. Each returns an exit code.

struct AuditListOptions {
  std::string tenant;
  std::string action;
  std::string object;
  std::string subject;
  std::string from;
  std::string until;
  std::size_t limit = 100;
};
int audit_list(const AdminCli& cli, const AuditListOptions& options);
int audit_show(const AdminCli& cli, const std::string& entry, bool detail);
// Asks for a proof and checks it here; `out`: keeps it in this folder.
int audit_prove(const AdminCli& cli, const std::string& entry, const std::string& out);
// A tenant's entries with proofs, in a new folder that verifies alone.
int audit_export(const AdminCli& cli, const std::string& tenant, const std::string& out);
// The newest checkpoint, to stdout, or to a file; in a folder one of its own per size.
int audit_checkpoint(const AdminCli& cli, const std::string& out);
// `verb`: erase, hold, release, rotate-key.
struct AuditWriteOptions {
  std::string tenant;
  std::string subject;
  std::string reason;
};
int audit_holds(const AdminCli& cli, const std::string& tenant);
int audit_write(const AdminCli& cli, const std::string& verb, const AuditWriteOptions& options);

// Offline: a log's folder, or an export's.
struct AuditVerifyOptions {
  std::string path;
  std::string keys;                // file; empty: "keys" in the folder
  std::string origin;              // expected; empty: any
  std::vector<std::string> older;  // checkpoint files kept elsewhere
  std::string witnesses;           // file of witness keys, one a line
  std::optional<std::size_t> quorum;
  bool json = false;
};
int audit_verify(const AuditVerifyOptions& options);

}  // namespace sovmesh::compose
