#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/guarded.h"
#include "store/ledger.h"
#include "store_sqlite/database.h"

namespace sovmesh::store_sqlite {

// Reads ledger.db for reports, on a connection of its own beside the writer's. Any thread, one
// report at a time. Sums come from kept sums wherever those fit, so a year is as quick as a day.
class LedgerReports {
 public:
  explicit LedgerReports(Database database) : database_(std::move(database)) {}

  // Open rows count as requests; their tokens count once they are settled. Voided ones count
  // nowhere.
  Result<std::vector<store::UsageSum>> sum(const store::UsageQuery& query);
  Result<std::vector<store::UsageSince>> usage_since(const store::SinceQuery& query);
  Result<std::vector<store::UsageRow>> rows(const store::UsageQuery& query, std::size_t limit);
  Result<store::RequestPage> requests(const store::RequestQuery& query);
  Result<std::optional<store::UsageRow>> find(RequestId request);
  Result<std::vector<store::UsageRow>> untold(std::size_t limit);
  Result<bool> knows_user(TenantId tenant, const std::string& user);
  Result<std::shared_ptr<const metering::Price>> price(const std::string& id);

 private:
  Guarded<Database> database_;
};

}  // namespace sovmesh::store_sqlite
