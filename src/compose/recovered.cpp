#include "compose/recovered.h"

#include <memory>
#include <utility>
#include <vector>

namespace sovmesh::compose {
namespace {

// What the client was told, and where the engine was, went with the process.
store::RequestEntry entry_of(const store::UsageRow& row) {
  store::RequestEntry entry;
  entry.request = row.request;
  entry.tenant = row.tenant;
  entry.project = row.project;
  entry.key = row.key;
  entry.user = row.user;
  entry.operation = row.operation;
  entry.place = std::make_shared<const store::AuditPlace>(
      store::AuditPlace{.engine = row.engine,
                        .host = {},
                        .site = {},
                        .jurisdiction = {},
                        .egress = std::string(store::kEgressUnknown)});
  entry.model = row.model;
  entry.model_revision = row.model_revision;
  entry.finish = row.settlement.finish;
  entry.counts = row.settlement.counts;
  entry.price = row.price_version;
  if (row.is_priced()) entry.cost_micro = row.charge.cost_micro;
  entry.settled = row.request;
  entry.currency = row.currency;
  entry.began = row.opened_at;
  entry.ended = row.settlement.settled_at;
  return entry;
}

}  // namespace

Result<std::size_t> enter_recovered(store::Ledger& ledger, store::Audit* audit) {
  std::size_t seen = 0;
  for (;;) {
    TRY(const std::vector<store::UsageRow> rows, ledger.untold(kRecoveredAtOnce));
    if (rows.empty()) return seen;
    std::vector<store::RequestEntry> entries;
    entries.reserve(rows.size());
    for (const store::UsageRow& row : rows)
      if (!row.voided) entries.push_back(entry_of(row));
    if (audit != nullptr) TRY_VOID(audit->append_requests(std::move(entries)));
    TRY_VOID(ledger.told(rows.back().seq));
    seen += rows.size();
  }
}

}  // namespace sovmesh::compose
