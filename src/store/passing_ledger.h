#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "store/ledger.h"

namespace sovmesh::store {

// Hands everything on to another ledger: for ledgers that differ from it in one thing. One thread.
class PassingLedger : public Ledger {
 public:
  explicit PassingLedger(std::unique_ptr<Ledger> inner) : inner_(std::move(inner)) {}

  rt::Task<Result<OpenRow>> open(metering::Intent intent, rt::Loop& loop,
                                 rt::Until until) override {
    Result<OpenRow> row = co_await inner_->open(std::move(intent), loop, until);
    if (!row) co_return row;
    const RequestId request = row->request();
    const auto durable = row->durable_tokens();
    rows_.emplace(request, *std::move(row));
    co_return OpenRow(*this, request, durable);
  }
  bool accepts() const override { return inner_->accepts(); }
  LedgerStats stats() const override { return inner_->stats(); }
  Result<std::vector<UsageSum>> sum(const UsageQuery& query) override { return inner_->sum(query); }
  Result<std::vector<UsageRow>> rows(const UsageQuery& query, std::size_t limit) override {
    return inner_->rows(query, limit);
  }
  Result<RequestPage> requests(const RequestQuery& query) override {
    return inner_->requests(query);
  }
  Result<std::optional<UsageRow>> find(RequestId request) override { return inner_->find(request); }
  Result<std::shared_ptr<const metering::Price>> price(const std::string& id) override {
    return inner_->price(id);
  }
  Result<std::vector<UsageSince>> usage_since(const SinceQuery& query) override {
    return inner_->usage_since(query);
  }
  using Ledger::verify;
  Result<VerifyReport> verify(const VerifyPace& pace) override { return inner_->verify(pace); }
  Result<std::int64_t> erase_user(TenantId tenant, const std::string& user,
                                  const std::string& pseudonym) override {
    return inner_->erase_user(tenant, user, pseudonym);
  }
  Result<bool> knows_user(TenantId tenant, const std::string& user) override {
    return inner_->knows_user(tenant, user);
  }
  Result<std::vector<UsageRow>> untold(std::size_t limit) override { return inner_->untold(limit); }
  Result<void> told(std::int64_t seq) override { return inner_->told(seq); }
  Result<ClaimResult> claim(TenantId tenant, const metering::Idempotency& key,
                            RequestId request) override {
    return inner_->claim(tenant, key, request);
  }
  void unclaim(TenantId tenant, const metering::Idempotency& key, RequestId request) override {
    inner_->unclaim(tenant, key, request);
  }
  Result<void> flush(std::chrono::milliseconds limit) override { return inner_->flush(limit); }

 protected:
  void checkpoint(RequestId request, const metering::Counts& counts, Haste haste) override {
    if (counts == metering::Counts())
      rows_.at(request).start_over();
    else
      rows_.at(request).checkpoint(counts, haste);
  }
  rt::Task<Result<void>> save(RequestId request, metering::Counts counts, rt::Loop& loop,
                              rt::Until until) override {
    return rows_.at(request).save(counts, loop, until);
  }
  rt::Task<Result<void>> amend(metering::Intent intent, rt::Loop& loop, rt::Until until) override {
    OpenRow& row = rows_.at(intent.request);
    return row.amend(std::move(intent), loop, until);
  }
  void settle(RequestId request, const metering::Settlement& settlement, Haste) override {
    std::move(rows_.extract(request).mapped()).settle(settlement);
  }
  void void_unused(RequestId request) override {
    std::move(rows_.extract(request).mapped()).void_unused();
  }
  // For one that drops settlements: rows may not end open.
  void settle_rest() {
    for (auto& [id, row] : rows_)
      std::move(row).settle({});
    rows_.clear();
  }

 private:
  std::unique_ptr<Ledger> inner_;
  std::map<RequestId, OpenRow> rows_;
};

}  // namespace sovmesh::store
