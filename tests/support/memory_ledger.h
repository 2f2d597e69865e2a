#pragma once

#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "rt/loop.h"
#include "store/ledger.h"

namespace sovmesh {

// A ledger in memory that is as strict as a real one: it refuses what breaks an invariant by making
// a note of it. A commit takes `sync_time`; `broken` refuses intents.
class MemoryLedger : public store::Ledger {
 public:
  struct Row {
    metering::Intent intent;
    metering::Counts checkpoint;
    bool saved = false;  // somebody waited for it
    int amended = 0;
    std::shared_ptr<store::DurableTokens> durable = std::make_shared<store::DurableTokens>(0);
    std::optional<metering::Settlement> settlement;
    bool voided = false;
    bool closed() const { return settlement.has_value() || voided; }
  };

  rt::Task<Result<store::OpenRow>> open(metering::Intent intent, rt::Loop& loop,
                                        rt::Until until) override {
    const rt::Deadline synced = loop.in(sync_time);
    const rt::Until wait{until.deadline.earlier(synced), until.cancelled};
    if (!co_await rt::sleep(loop, wait)) {
      if (broken) co_return client_error(Code::cancelled, "the client is gone");
      Row& row = records[intent.request];
      order.push_back(intent.request);
      if (intent.idempotency) {
        row.voided = true;
        claims.erase({intent.tenant, intent.idempotency->key});
      } else {
        row.settlement.emplace().finish = metering::Finish::client_closed;
      }
      row.intent = std::move(intent);
      co_return client_error(Code::cancelled, "the client is gone");
    }
    if (!synced.passed(loop.now()))
      co_return our_error(Code::metering_unavailable, "the ledger is too slow");
    if (broken) co_return our_error(Code::metering_unavailable, "the ledger is broken");
    const RequestId id = intent.request;
    if (records.contains(id)) violations.emplace_back("two intents for one request");
    records[id].intent = std::move(intent);
    order.push_back(id);
    co_return store::OpenRow(*this, id, records[id].durable);
  }
  bool accepts() const override { return !refuses; }
  store::LedgerStats stats() const override { return {.disk_full = disk_full}; }
  Result<std::vector<store::UsageSum>> sum(const store::UsageQuery& query) override {
    (void)query;
    return std::vector<store::UsageSum>();
  }
  Result<std::vector<store::UsageRow>> rows(const store::UsageQuery& query,
                                            std::size_t limit) override {
    (void)query;
    (void)limit;
    return std::vector<store::UsageRow>();
  }
  Result<store::RequestPage> requests(const store::RequestQuery&) override {
    return store::RequestPage();
  }
  Result<std::optional<store::UsageRow>> find(RequestId request) override {
    const auto found = records.find(request);
    if (found == records.end()) return std::optional<store::UsageRow>();
    const Row& row = found->second;
    store::UsageRow out{.request = request,
                        .tenant = row.intent.tenant,
                        .project = row.intent.project,
                        .key = row.intent.key};
    out.model = row.intent.model;
    out.engine = row.intent.engine;
    out.open = !row.closed();
    out.voided = row.voided;
    if (row.settlement) out.settlement = *row.settlement;
    return out;
  }
  Result<std::shared_ptr<const metering::Price>> price(const std::string& id) override {
    for (const auto& [request, row] : records) {
      if (row.intent.price && row.intent.price->id() == id) return row.intent.price;
    }
    return std::shared_ptr<const metering::Price>();
  }
  Result<std::vector<store::UsageSince>> usage_since(const store::SinceQuery&) override {
    return std::vector<store::UsageSince>();
  }
  using Ledger::verify;
  Result<store::VerifyReport> verify(const store::VerifyPace&) override {
    return store::VerifyReport();
  }
  Result<std::int64_t> erase_user(TenantId tenant, const std::string& user,
                                  const std::string& pseudonym) override {
    if (broken) return our_error(Code::dependency_unavailable, "the ledger is broken");
    std::int64_t count = 0;
    for (auto& [id, row] : records) {
      if (row.intent.tenant != tenant || row.intent.user != user) continue;
      row.intent.user = pseudonym;
      ++count;
    }
    return count;
  }
  Result<store::ClaimResult> claim(TenantId tenant, const metering::Idempotency& key,
                                   RequestId request) override {
    const auto [at, is_new] = claims.try_emplace({tenant, key.key}, request, key.body);
    if (is_new) return store::ClaimResult{};
    store::ClaimResult earlier{.state = store::ClaimResult::State::in_progress,
                               .request = at->second.first};
    const auto row = records.find(earlier.request);
    if (at->second.second != key.body) {
      earlier.state = store::ClaimResult::State::reused;
    } else if (row != records.end() && row->second.settlement) {
      earlier.state = store::ClaimResult::State::finished;
      earlier.settlement = *row->second.settlement;
    }
    return earlier;
  }
  void unclaim(TenantId tenant, const metering::Idempotency& key, RequestId request) override {
    if (!records.contains(request)) claims.erase({tenant, key.key});
  }
  Result<void> flush(std::chrono::milliseconds) override {
    ++flushes;
    return {};
  }

  const Row& last() const { return records.at(order.back()); }
  std::size_t open_rows() const {
    std::size_t count = 0;
    for (const auto& [id, row] : records)
      count += row.closed() ? 0 : 1;
    return count;
  }

  std::map<RequestId, Row> records;
  std::map<std::pair<TenantId, Digest>, std::pair<RequestId, Digest>> claims;
  std::vector<RequestId> order;
  std::vector<std::string> violations;
  std::chrono::milliseconds sync_time{1};
  bool broken = false;
  bool only_saves = false;  // checkpoints are not durable by themselves
  bool refuses = false;
  bool disk_full = false;
  int flushes = 0;
  int checkpoints = 0;
  int saves = 0;
  int vain_saves = 0;

 protected:
  void checkpoint(RequestId request, const metering::Counts& counts, Haste) override {
    Row& row = records.at(request);
    if (row.closed()) violations.emplace_back("a checkpoint after the end");
    const bool is_new = counts == metering::Counts();  // the answer is made anew
    if (counts.generated < row.checkpoint.generated && !is_new)
      violations.emplace_back("a count went back");
    row.checkpoint = counts;
    ++checkpoints;
    if (!broken && !only_saves) *row.durable = counts.generated;
  }
  rt::Task<Result<void>> save(RequestId request, metering::Counts counts, rt::Loop& loop,
                              rt::Until until) override {
    const rt::Deadline synced = loop.in(sync_time);
    const rt::Until wait{until.deadline.earlier(synced), until.cancelled};
    if (!co_await rt::sleep(loop, wait))
      co_return client_error(Code::cancelled, "the client is gone");
    if (broken || !synced.passed(loop.now())) {
      ++vain_saves;
      co_return our_error(Code::metering_unavailable, "the ledger is broken");
    }
    checkpoint(request, counts, Haste::now);
    records.at(request).saved = true;
    *records.at(request).durable = counts.generated;
    ++saves;
    co_return Result<void>();
  }
  rt::Task<Result<void>> amend(metering::Intent intent, rt::Loop& loop, rt::Until until) override {
    const rt::Deadline synced = loop.in(sync_time);
    const rt::Until wait{until.deadline.earlier(synced), until.cancelled};
    if (!co_await rt::sleep(loop, wait))
      co_return client_error(Code::cancelled, "the client is gone");
    if (broken || !synced.passed(loop.now()))
      co_return our_error(Code::metering_unavailable, "the ledger is broken");
    Row& row = records.at(intent.request);
    if (row.closed()) violations.emplace_back("an amendment after the end");
    intent.opened_at = row.intent.opened_at;
    intent.idempotency = row.intent.idempotency;
    row.intent = std::move(intent);
    row.checkpoint = {};
    *row.durable = 0;
    ++row.amended;
    co_return Result<void>();
  }
  void settle(RequestId request, const metering::Settlement& settlement, Haste) override {
    Row& row = records.at(request);
    if (row.closed()) violations.emplace_back("a second terminal record");
    row.settlement = settlement;
  }
  void void_unused(RequestId request) override {
    Row& row = records.at(request);
    if (row.closed()) violations.emplace_back("a second terminal record");
    row.voided = true;
    if (row.intent.idempotency) claims.erase({row.intent.tenant, row.intent.idempotency->key});
  }
};

}  // namespace sovmesh
