#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "base/guarded.h"
#include "base/ids.h"
#include "base/result.h"
#include "base/time_zone.h"
#include "gateway/record.h"
#include "http/exchange.h"
#include "rt/blocking.h"
#include "rt/task.h"
#include "store/audit.h"
#include "store/ledger.h"

namespace sovmesh::gateway {

// What a key may ask about: the usage of its own project.
struct UsageScope {
  TenantId tenant;
  ProjectId project;
  TimeZone zone;  // of the tenant: where its days begin
};

struct UsageReply {
  std::string content_type;
  std::string body;
  std::string next;  // what `before` says for the page after this one; empty: there is none
};

// The answers of GET /v1/usage and /v1/usage/export, without their transport. Blocks on the ledger.
// `query` as it stands in the URL, without '?'. What another project does changes no byte of them:
// they hold neither places in the ledger nor anything else that all share.
inline constexpr std::size_t kUsageGroupsUsual = 100;
inline constexpr std::size_t kUsageGroupsMax = 1'000;  // of one page, as are rows
inline constexpr std::size_t kUsageRowsUsual = 100;
Result<UsageReply> own_usage(store::Ledger& ledger, const UsageScope& scope, std::string_view query,
                             WallTime now);
Result<UsageReply> own_requests(store::Ledger& ledger, const UsageScope& scope,
                                std::string_view query);

// Serves them: one report at a time for a tenant, a few for all. Shared by all workers.
class UsageReports {
 public:
  static constexpr std::size_t kRunningMax = 4;

  // `audit`: where it is entered who was given what, before it is given; null: nowhere.
  UsageReports(store::Ledger& ledger, rt::BlockingPool& pool, store::Audit* audit)
      : ledger_(ledger), pool_(pool), audit_(audit) {}
  // Needs the scope read:usage.
  rt::Task<Result<void>> serve(http::Exchange& exchange, RequestRecord& record);

 private:
  class Turn;
  Result<std::shared_ptr<Turn>> take_turn(TenantId tenant);

  store::Ledger& ledger_;
  rt::BlockingPool& pool_;
  store::Audit* audit_;
  Guarded<std::set<TenantId>> running_;
};

}  // namespace sovmesh::gateway
