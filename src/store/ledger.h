#pragma once

#include <cassert>
#include <chrono>
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
//
// What a crash may lose of a row is bounded in tokens: counts that bring kUnsavedMax more than are
// durable or on their way start a commit at once, fewer wait for one that comes anyway.
class OpenRow {
 public:
  static constexpr std::int64_t kUnsavedMax = 64;  // generated tokens

  OpenRow() = default;
  OpenRow(Ledger& ledger, RequestId request) : ledger_(&ledger), request_(request) {}
  OpenRow(OpenRow&& other) noexcept
      : ledger_(std::exchange(other.ledger_, nullptr)),
        request_(other.request_),
        hurried_(other.hurried_) {}
  OpenRow& operator=(OpenRow&& other) noexcept {
    std::swap(ledger_, other.ledger_);
    std::swap(request_, other.request_);
    std::swap(hurried_, other.hurried_);
    return *this;
  }
  ~OpenRow();

  bool is_open() const { return ledger_ != nullptr; }
  RequestId request() const { return request_; }
  // So many generated tokens are too many without a checkpoint.
  bool wants_checkpoint(std::int64_t generated) const {
    return generated - hurried_ >= kUnsavedMax;
  }
  // Says how far the answer is; call it when it is wanted, and every 250 ms. Never waits.
  void checkpoint(const metering::Counts& counts);
  // The same, and waits until it is durable. An error: it may not be (the ledger says why), or the
  // caller's or the ledger's own limit came first; the row is open as before.
  rt::Task<Result<void>> save(const metering::Counts& counts, rt::Loop& loop, rt::Until until);
  // Closes the row. Returns at once; the record is durable soon after, in order.
  void settle(const metering::Settlement& settlement) &&;
  // The request never reached an engine: nothing is charged.
  void void_unused() &&;

 private:
  bool note_haste(const metering::Counts& counts);

  Ledger* ledger_ = nullptr;
  RequestId request_{};
  std::int64_t hurried_ = 0;  // generated tokens that were handed over in haste
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
  // Waits (blocking) until everything handed over so far is durable, at most about `limit`: for
  // reports, shutdown and tests.
  virtual Result<void> flush(std::chrono::milliseconds limit) = 0;
  Result<void> flush() { return flush(std::chrono::seconds(30)); }

 protected:
  friend class OpenRow;
  // In haste: a commit starts as soon as commits may; else the record waits for one.
  enum class Haste : std::uint8_t { none, now };
  virtual void checkpoint(RequestId request, const metering::Counts& counts, Haste haste) = 0;
  virtual rt::Task<Result<void>> save(RequestId request, metering::Counts counts, rt::Loop& loop,
                                      rt::Until until) = 0;
  virtual void settle(RequestId request, const metering::Settlement& settlement, Haste haste) = 0;
  virtual void void_unused(RequestId request) = 0;
};

inline OpenRow::~OpenRow() {
  if (ledger_ == nullptr) return;
  assert(false && "an open ledger row was dropped");
  metering::Settlement aborted;
  aborted.finish = metering::Finish::aborted;
  ledger_->settle(request_, aborted, Ledger::Haste::none);
}
inline bool OpenRow::note_haste(const metering::Counts& counts) {
  const bool in_haste = wants_checkpoint(counts.generated);
  if (in_haste) hurried_ = counts.generated;
  return in_haste;
}
inline void OpenRow::checkpoint(const metering::Counts& counts) {
  ledger_->checkpoint(request_, counts,
                      note_haste(counts) ? Ledger::Haste::now : Ledger::Haste::none);
}
inline rt::Task<Result<void>> OpenRow::save(const metering::Counts& counts, rt::Loop& loop,
                                            rt::Until until) {
  hurried_ = counts.generated;
  return ledger_->save(request_, counts, loop, until);
}
inline void OpenRow::settle(const metering::Settlement& settlement) && {
  const bool in_haste = note_haste(settlement.counts);
  std::exchange(ledger_, nullptr)
      ->settle(request_, settlement, in_haste ? Ledger::Haste::now : Ledger::Haste::none);
}
inline void OpenRow::void_unused() && { std::exchange(ledger_, nullptr)->void_unused(request_); }

}  // namespace sovmesh::store
