#pragma once

#include <string>

#include "backup/pack.h"
#include "base/result.h"
#include "store/audit.h"

namespace sovmesh::compose {

// An archive has been made and gets its name when this succeeds: the running server enters it in
// the audit log, or a note in the data folder tells the next one to.
Result<void> note_backup(const std::string& data_dir, const backup::Manifest& manifest);
// Enters the archives that were made while no server ran. At the start.
Result<void> record_backups(const std::string& data_dir, store::Audit* audit);

}  // namespace sovmesh::compose
