#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "store/audit.h"
#include "store/control_store.h"

// A data folder has an epoch: 1, and one more after each restore. What was written between a backup
// and the failure after it is not in the restored folder, so whoever compares must be able to tell
// the two apart, and the audit log must say that it went back.
namespace sovmesh::compose {

inline constexpr std::string_view kEpochFile = "epoch";
inline constexpr std::string_view kRestoredFile = "restored";

struct Epoch {
  std::uint64_t number = 1;
  std::string restore;  // id of the restore that began it: two restores of one archive differ
};
std::string format_epoch(const Epoch& epoch);
Epoch parse_epoch(std::string_view text);

// What a restore leaves for the next start, as the sentence that goes into the log.
struct RestoreNote {
  Epoch epoch;
  std::string archive;  // SHA-256, hex
  std::string reason;
};
std::string format_restore_note(const RestoreNote& note);
std::string reason_in(std::string_view note);  // of the note's text; empty when it is none

// At a start, before anything is served: appends `backup.restore` when the folder has been restored
// and the log does not say so yet. The note goes when the entry is durable; while the audit log is
// off (null), it stays. Returns the note's sentence, or nothing when there was none.
// Before that all sessions end and the setup token goes, once for a restore: who had signed out, or
// had used it, would be in again.
Result<std::string> record_restore(const std::string& data_dir, store::Audit* audit,
                                   store::ControlStore& control);

}  // namespace sovmesh::compose
