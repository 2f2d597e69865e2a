#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "store/ledger.h"
#include "store_sqlite/ledger_mailbox.h"
#include "store_sqlite/ledger_reports.h"
#include "store_sqlite/ledger_runner.h"
#include "store_sqlite/ledger_writer.h"

namespace sovmesh::store_sqlite {

// The ledger in SQLite. Workers put records into a mailbox, the writer turns what has gathered into
// one transaction, and each loop is told once a commit which of its openings are durable.
//
//   worker: open()  -->  mailbox  -->  writer: BEGIN, rows, COMMIT (sync)  --post-->  worker
//   resumes
//
// No OpenRow outlives it. A loop may end before it, even while the writer waits for a slow disk.
class LedgerSqlite : public store::Ledger {
 public:
  LedgerSqlite(Disk& disk, std::unique_ptr<LedgerWriter> writer, Database reader,
               std::unique_ptr<LedgerRunner> runner, SharedMailbox mailbox, SharedClaims claims,
               const Clock& clock, const LedgerOptions& options);
  ~LedgerSqlite() override;

  rt::Task<Result<store::OpenRow>> open(metering::Intent intent, rt::Loop& loop,
                                        rt::Until until) override;
  bool accepts() const override;
  store::LedgerStats stats() const override;
  Result<std::vector<store::UsageSum>> sum(const store::UsageQuery& query) override;
  Result<std::vector<store::UsageRow>> rows(const store::UsageQuery& query,
                                            std::size_t limit) override;
  Result<store::RequestPage> requests(const store::RequestQuery& query) override;
  Result<std::optional<store::UsageRow>> find(RequestId request) override;
  Result<std::shared_ptr<const metering::Price>> price(const std::string& id) override;
  Result<std::vector<store::UsageSince>> usage_since(const store::SinceQuery& query) override;
  using Ledger::verify;
  Result<store::VerifyReport> verify(const store::VerifyPace& pace) override;
  Result<std::int64_t> erase_user(TenantId tenant, const std::string& user,
                                  const std::string& pseudonym) override;
  Result<bool> knows_user(TenantId tenant, const std::string& user) override;
  Result<std::vector<store::UsageRow>> untold(std::size_t limit) override;
  Result<void> told(std::int64_t seq) override;
  Result<store::ClaimResult> claim(TenantId tenant, const metering::Idempotency& key,
                                   RequestId request) override;
  void unclaim(TenantId tenant, const metering::Idempotency& key, RequestId request) override;
  Result<void> flush(std::chrono::milliseconds limit) override;

 protected:
  void checkpoint(RequestId request, const metering::Counts& counts, Haste haste) override;
  rt::Task<Result<void>> save(RequestId request, metering::Counts counts, rt::Loop& loop,
                              rt::Until until) override;
  rt::Task<Result<void>> amend(metering::Intent intent, rt::Loop& loop, rt::Until until) override;
  void settle(RequestId request, const metering::Settlement& settlement, Haste haste) override;
  void void_unused(RequestId request) override;

 private:
  static constexpr int kFlushAttempts = 1'000;
  static constexpr std::chrono::seconds kEraseMax{10};

  // Adds a record that somebody waits for; `put` is false when there is no room.
  bool hand_over_claim(const metering::Intent& intent);
  template <class Put>
  Refusal hand_over(bool is_intent, Put put);
  Refusal hand_over_opening(Opening opening);
  // Until the writer has decided, or the caller's or our own limit has come.
  rt::Task<Result<void>> decided(const Ticket& ticket, rt::Event& done, rt::Loop& loop,
                                 rt::Until until) const;
  Refusal hand_over_save(const Progress& progress, std::shared_ptr<Ticket> ticket);

  Disk& disk_;
  const std::string path_;
  std::unique_ptr<LedgerWriter> writer_;
  LedgerReports reports_;
  std::unique_ptr<LedgerRunner> runner_;
  SharedMailbox mailbox_;
  SharedClaims claims_;
  const Clock& clock_;
  LedgerOptions options_;
  std::atomic<std::uint64_t> verified_{0};
  std::atomic<std::int64_t> drift_tokens_{0};
};

}  // namespace sovmesh::store_sqlite
