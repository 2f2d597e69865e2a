#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "store/ledger.h"
#include "tests/support/list_rows.h"

namespace sovmesh {

// A ledger that only reads: rows that a test wrote, summed up in the plainest way.
class RowLedger : public store::Ledger {
 public:
  std::vector<store::UsageRow> all;  // in the order of their settlement
  std::map<std::string, std::shared_ptr<const metering::Price>> prices;
  store::VerifyReport report;
  bool flush_fails = false;
  int sums = 0;  // calls

  rt::Task<Result<store::OpenRow>> open(metering::Intent, rt::Loop&, rt::Until) override {
    co_return our_error(Code::metering_unavailable, "this ledger only reads");
  }
  bool accepts() const override { return false; }
  store::LedgerStats stats() const override { return {}; }

  Result<std::vector<store::UsageSum>> sum(const store::UsageQuery& query) override {
    ++sums;
    using Place = std::tuple<std::size_t, std::string, std::string>;
    std::map<Place, store::UsageSum> found;
    for (const store::UsageRow& row : all) {
      const auto interval = fits(query, row) ? interval_of(query, row) : std::nullopt;
      if (row.voided || !interval) continue;
      const std::string group = group_of(query.group_by, row);
      store::UsageSum& sum = found[{*interval, group, row.currency}];
      sum.group = group;
      sum.currency = row.currency;
      sum.interval = *interval;
      if (query.group_by == store::UsageQuery::GroupBy::tenant) sum.tenant = row.tenant;
      add(sum, row);
    }
    std::vector<store::UsageSum> out;
    for (auto& [place, sum] : found)
      out.push_back(std::move(sum));
    return out;
  }
  Result<std::vector<store::UsageRow>> rows(const store::UsageQuery& query,
                                            std::size_t limit) override {
    std::vector<store::UsageRow> out;
    for (const bool open : {true, false}) {
      for (auto row = all.rbegin(); row != all.rend() && out.size() < limit; ++row) {
        const bool wanted = row->open == open && !row->voided && fits(query, *row) &&
                            interval_of(query, *row) &&
                            (!query.request || *query.request == row->request) &&
                            (!query.before_seq || (!open && row->seq < *query.before_seq));
        if (wanted) out.push_back(*row);
      }
    }
    return out;
  }
  Result<store::RequestPage> requests(const store::RequestQuery& query) override {
    return list_rows(all, query);
  }
  Result<std::optional<store::UsageRow>> find(RequestId request) override {
    const auto row = std::ranges::find(all, request, &store::UsageRow::request);
    if (row == all.end()) return std::optional<store::UsageRow>();
    return *row;
  }
  Result<std::shared_ptr<const metering::Price>> price(const std::string& id) override {
    const auto found = prices.find(id);
    if (found == prices.end()) return std::shared_ptr<const metering::Price>();
    return found->second;
  }
  Result<std::vector<store::UsageSince>> usage_since(const store::SinceQuery&) override {
    return std::vector<store::UsageSince>();
  }
  using Ledger::verify;
  Result<store::VerifyReport> verify(const store::VerifyPace& pace) override {
    TRY_VOID(pace());
    return report;
  }
  Result<std::int64_t> erase_user(TenantId, const std::string&, const std::string&) override {
    return our_error(Code::internal_error, "these rows do not change");
  }
  Result<store::ClaimResult> claim(TenantId, const metering::Idempotency&, RequestId) override {
    return store::ClaimResult();
  }
  void unclaim(TenantId, const metering::Idempotency&, RequestId) override {}
  Result<void> flush(std::chrono::milliseconds) override {
    if (flush_fails) return our_error(Code::io_error, "the disk is full");
    return {};
  }

 protected:
  void checkpoint(RequestId, const metering::Counts&, Haste) override {}
  rt::Task<Result<void>> save(RequestId, metering::Counts, rt::Loop&, rt::Until) override {
    co_return Result<void>();
  }
  rt::Task<Result<void>> amend(metering::Intent, rt::Loop&, rt::Until) override {
    co_return Result<void>();
  }
  void settle(RequestId, const metering::Settlement&, Haste) override {}
  void void_unused(RequestId) override {}

 private:
  static WallTime time_of(const store::UsageRow& row) {
    return row.open ? row.opened_at : row.booked_at;
  }
  static bool fits(const store::UsageQuery& query, const store::UsageRow& row) {
    return (query.all_tenants || row.tenant == query.tenant) &&
           (!query.project || *query.project == row.project) &&
           (!query.key || *query.key == row.key) && (!query.model || *query.model == row.model) &&
           (!query.user || *query.user == row.user) &&
           (!query.cost_centre || *query.cost_centre == row.cost_centre) &&
           (!query.engine || *query.engine == row.engine);
  }
  static std::optional<std::size_t> interval_of(const store::UsageQuery& query,
                                                const store::UsageRow& row) {
    const WallTime at = time_of(row);
    if (query.edges.empty()) {
      const bool inside = (!query.from || at >= *query.from) && (!query.until || at < *query.until);
      return inside ? std::optional<std::size_t>(0) : std::nullopt;
    }
    const auto after = std::ranges::upper_bound(query.edges, at);
    if (after == query.edges.begin() || after == query.edges.end()) return std::nullopt;
    return static_cast<std::size_t>(after - query.edges.begin()) - 1;
  }
  static std::string group_of(store::UsageQuery::GroupBy by, const store::UsageRow& row) {
    using By = store::UsageQuery::GroupBy;
    switch (by) {
      case By::none:
      case By::day:
      case By::month:
        return {};
      case By::model:
        return row.model;
      case By::key:
        return std::string(row.key.text());
      case By::project:
        return row.project.value.text();
      case By::user:
        return row.user;
      case By::cost_centre:
        return row.cost_centre;
      case By::engine:
        return row.engine;
      case By::revision:
        return row.model_revision;
      case By::price:
        return row.price_version;
      case By::tenant:
        return row.tenant.value.text();
    }
    return {};
  }
  static void add(store::UsageSum& sum, const store::UsageRow& row) {
    ++sum.requests;
    if (row.open) {
      ++sum.open;
      return;
    }
    const metering::Counts& counts = row.settlement.counts;
    sum.prompt += counts.prompt;
    sum.cached += counts.cached;
    sum.generated += counts.generated;
    sum.reasoning += counts.reasoning;
    sum.delivered += counts.delivered;
    sum.characters += row.characters;
    sum.open_us += row.open_for.count();
    sum.cost_micro += row.charge.cost_micro;
    sum.gse_us += row.charge.gse_us;
    sum.energy_mj += row.charge.energy.millijoules;
    sum.co2_ug += row.charge.energy.micrograms_co2;
    sum.energy_method = std::max(sum.energy_method, row.charge.energy.method);
    sum.unpriced += row.is_priced() ? 0 : 1;
    sum.drifted += row.settlement.drift ? 1 : 0;
    sum.recovered += row.is_recovered() ? 1 : 0;
    sum.first_seq = sum.first_seq == 0 ? row.seq : std::min(sum.first_seq, row.seq);
    sum.last_seq = std::max(sum.last_seq, row.seq);
  }
};

}  // namespace sovmesh
