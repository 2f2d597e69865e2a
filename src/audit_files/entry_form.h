#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "audit_files/gap.h"
#include "audit_files/key_ring.h"
#include "audit_files/refusals.h"
#include "base/hash.h"
#include "base/result.h"
#include "ledgerlog/entry.h"
#include "store/audit.h"

namespace sovmesh::audit_files {

// Entries of the port in the form of the log: people become pseudonyms. The first one points into
// `entry` and into `texts`, where it puts what it has to make.
Result<ledgerlog::RequestEntryView> log_form(const store::RequestEntry& entry, KeyRing& keys,
                                             std::string& texts);
// `detail_hash`: of the sealed detail. `concerns`: whose pseudonym it has as subject_ref.
Result<ledgerlog::AdminEntry> log_form(const store::AdminEntry& entry, KeyRing& keys,
                                       const std::optional<Digest>& detail_hash,
                                       const std::optional<Digest>& concerns);

// What the log says of requests that were refused and are no entries of their own.
store::AdminEntry sum_entry(const RefusedSum& sum);
// And of those that ended without one; `what` they are.
store::AdminEntry gap_entry(const Gap& gap, std::string_view what);

// Who acted, as a subject of the key ring; nothing for the program itself.
std::optional<store::AuditSubject> actor_of(const store::AdminEntry& entry);
// Requests that were refused and got no entries of their own.
inline constexpr std::string_view kActionRefused = "request.refused";
inline constexpr std::string_view kActionGap = "audit.gap";

std::string shown_id(RequestId request);  // "req_" + 32 hex digits

}  // namespace sovmesh::audit_files
