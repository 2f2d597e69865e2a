#pragma once

#include <cassert>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "metering/usage.h"
#include "rt/event.h"
#include "rt/task.h"

namespace sovmesh::store {

class Ledger;

// An intent that is durable and not yet closed. Move-only; settle() and void_unused() consume it.
// Dropping an open row is a bug: an assertion in debug builds, settle(aborted) in production.
class OpenRow {
 public:
  OpenRow() = default;
  OpenRow(Ledger& ledger, RequestId request) : ledger_(&ledger), request_(request) {}
  OpenRow(OpenRow&& other) noexcept
      : ledger_(std::exchange(other.ledger_, nullptr)), request_(other.request_) {}
  OpenRow& operator=(OpenRow&& other) noexcept {
    std::swap(ledger_, other.ledger_);
    std::swap(request_, other.request_);
    return *this;
  }
  ~OpenRow();

  bool is_open() const { return ledger_ != nullptr; }
  RequestId request() const { return request_; }
  // Says lazily how far delivery is; call it every 250 ms or 64 tokens. Never waits.
  void checkpoint(const metering::Counts& counts);
  // Closes the row. Returns at once; the record is durable soon after, in order.
  void settle(const metering::Settlement& settlement) &&;
  // The request never reached an engine: nothing is charged.
  void void_unused() &&;

 private:
  Ledger* ledger_ = nullptr;
  RequestId request_{};
};

// One row, or a sum of rows, as usage reports read it.
struct UsageRow {
  RequestId request;
  TenantId tenant;
  ProjectId project;
  KeyId key;
  std::string model;
  metering::Operation operation{};
  bool streamed = false;
  bool open = false;
  WallTime opened_at{};
  metering::Settlement settlement;
};
struct UsageSum {
  std::string group;  // the grouping value: model, key, day ("2026-11-25"), or empty
  std::int64_t requests = 0;
  std::int64_t open = 0;
  std::int64_t prompt = 0;
  std::int64_t cached = 0;
  std::int64_t generated = 0;
  std::int64_t delivered = 0;
};
struct UsageQuery {
  TenantId tenant;
  std::optional<ProjectId> project;
  std::optional<KeyId> key;
  std::optional<std::string> model;
  std::optional<WallTime> from;   // inclusive
  std::optional<WallTime> until;  // exclusive
  enum class GroupBy : std::uint8_t { none, model, key, project, day };
  GroupBy group_by = GroupBy::none;
};

struct LedgerStats {
  std::uint64_t commits = 0;
  std::uint64_t records = 0;
  std::uint64_t waiting = 0;  // records not yet durable
  std::uint64_t failures = 0;
  std::uint64_t sync_nanoseconds = 0;  // summed
  std::uint64_t recovered = 0;         // rows of earlier boots that this one settled
};

// The ledger of usage: one writer with group commit. Any worker calls it.
//   I1  a row is durable when open() resolves
//   I2  each request has at most one terminal record (settle or void)
//   I3  rows of an earlier boot that are still open are settled as `recovered` with their last
//       checkpoint when the ledger opens
class Ledger {
 public:
  virtual ~Ledger() = default;
  // Resolves on `loop` when the intent is durable. Code::metering_unavailable when it cannot be, or
  // by `until` or the ledger's own limit; Code::cancelled when the client, who is
  // `until.cancelled`, went first. After an error the caller has no row: one that becomes durable
  // later is closed as aborted or client_closed without tokens, because nothing was delivered.
  virtual rt::Task<Result<OpenRow>> open(metering::Intent intent, rt::Loop& loop,
                                         rt::Until until) = 0;
  // With the ledger's own limit alone.
  rt::Task<Result<OpenRow>> open(metering::Intent intent, rt::Loop& loop) {
    return open(std::move(intent), loop, rt::Until{rt::Deadline::never(), nullptr});
  }
  // False while intents would be refused (disk full, writer dead, queue full): ask before dispatch.
  virtual bool accepts() const = 0;
  virtual LedgerStats stats() const = 0;

  // Blocking reads for reports; call them on the blocking pool. They see what is durable.
  virtual Result<std::vector<UsageSum>> sum(const UsageQuery& query) = 0;
  // Newest first, at most `limit`, opened before `before` when given.
  virtual Result<std::vector<UsageRow>> rows(const UsageQuery& query, std::size_t limit) = 0;
  // Waits (blocking) until everything handed over so far is durable; for shutdown and tests.
  virtual Result<void> flush() = 0;

 protected:
  friend class OpenRow;
  virtual void checkpoint(RequestId request, const metering::Counts& counts) = 0;
  virtual void settle(RequestId request, const metering::Settlement& settlement) = 0;
  virtual void void_unused(RequestId request) = 0;
};

inline OpenRow::~OpenRow() {
  if (ledger_ == nullptr) return;
  assert(false && "an open ledger row was dropped");
  metering::Settlement aborted;
  aborted.finish = metering::Finish::aborted;
  ledger_->settle(request_, aborted);
}
inline void OpenRow::checkpoint(const metering::Counts& counts) {
  ledger_->checkpoint(request_, counts);
}
inline void OpenRow::settle(const metering::Settlement& settlement) && {
  std::exchange(ledger_, nullptr)->settle(request_, settlement);
}
inline void OpenRow::void_unused() && { std::exchange(ledger_, nullptr)->void_unused(request_); }

}  // namespace sovmesh::store
