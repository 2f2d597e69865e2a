#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cassert>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "metering/price.h"
#include "metering/usage.h"
#include "rt/event.h"
#include "rt/task.h"

namespace sovmesh::store {

class Ledger;

// In haste: a commit starts as soon as commits may; else the record waits for one.
enum class Haste : std::uint8_t { none, now };

// Generated tokens that are on the disk in a row: what it has if its process dies now. Written by
// whoever commits.
using DurableTokens = std::atomic<std::int64_t>;

// An intent that is durable and not yet closed. Move-only; settle() and void_unused() consume it.
// Dropping an open row is a bug: an assertion in debug builds, settle(aborted) in production.
//
// What a crash may lose of a row is bounded in tokens: whoever delivers holds back what would be
// more than kUnsavedMax beyond durable(), and saves. Checkpoints come so early that this is rare.
class OpenRow {
 public:
  static constexpr std::int64_t kUnsavedMax = 64;  // generated tokens

  OpenRow() = default;
  OpenRow(Ledger& ledger, RequestId request, std::shared_ptr<const DurableTokens> durable)
      : ledger_(&ledger), request_(request), durable_(std::move(durable)) {}
  OpenRow(OpenRow&& other) noexcept { *this = std::move(other); }
  OpenRow& operator=(OpenRow&& other) noexcept {
    std::swap(ledger_, other.ledger_);
    std::swap(request_, other.request_);
    std::swap(durable_, other.durable_);
    std::swap(handed_, other.handed_);
    std::swap(hurried_, other.hurried_);
    std::swap(has_checkpoint_, other.has_checkpoint_);
    return *this;
  }
  ~OpenRow();

  bool is_open() const { return ledger_ != nullptr; }
  RequestId request() const { return request_; }
  const std::shared_ptr<const DurableTokens>& durable_tokens() const { return durable_; }
  std::int64_t durable() const { return durable_ ? durable_->load(std::memory_order_relaxed) : 0; }
  // Whether so many generated tokens want a checkpoint in haste. Not before half of kUnsavedMax are
  // on no way to the disk; then when as many would be, at the rate of those since the last
  // checkpoint, which is so long ago, before a commit that starts now is done.
  bool wants_checkpoint(std::int64_t generated, std::chrono::nanoseconds since_last) const {
    constexpr std::chrono::nanoseconds commit = std::chrono::milliseconds(30);
    const std::int64_t unsaved = generated - std::max(hurried_, durable());
    if (unsaved < kUnsavedMax / 2) return false;
    const std::int64_t left = kUnsavedMax - unsaved;
    return left * std::max(since_last, commit).count() <= (generated - handed_) * commit.count();
  }
  // Says how far the answer is; call it when it is wanted, and every 125 ms. Never waits.
  void checkpoint(const metering::Counts& counts, Haste haste = Haste::none);
  // The same, and waits until it is durable. An error: it may not be (the ledger says why), or the
  // caller's or the ledger's own limit came first; the row is open as before.
  rt::Task<Result<void>> save(const metering::Counts& counts, rt::Loop& loop, rt::Until until);
  // Another engine answers, perhaps of another model at another price: from now on the row is what
  // this intent says, and its checkpoints begin anew. Whose request it is, its Idempotency-Key and
  // since when it is open stay as they are. Waits until that is durable. An error: it may not be,
  // and nothing that was made since may be delivered; the row is open.
  rt::Task<Result<void>> amend(metering::Intent intent, rt::Loop& loop, rt::Until until);
  // What the answer had come to is given up, and nobody pays for it: it begins anew.
  void start_over();
  // Closes the row. Returns at once; the record is durable soon after, in order.
  void settle(const metering::Settlement& settlement) &&;
  // The request never reached an engine: nothing is charged.
  void void_unused() &&;

 private:
  void note(const metering::Counts& counts, Haste haste);

  Ledger* ledger_ = nullptr;
  RequestId request_{};
  std::shared_ptr<const DurableTokens> durable_;
  // Generated tokens that were handed over: at all, and in haste.
  std::int64_t handed_ = 0;
  std::int64_t hurried_ = 0;
  bool has_checkpoint_ = false;
};

// One row, as usage reports read it. Everything but `settlement` is the ledger's own: cost, GSE and
// energy follow from the intent's price and the counts.
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
  std::string engine;
  std::string model_revision;
  std::string user;
  std::string cost_centre;
  std::string currency;       // empty: the tenant has none
  std::string price_version;  // empty: unpriced
  metering::Charge charge;
  std::int64_t prompt_estimate = 0;
  std::int64_t output_max = 0;
  std::int64_t reserved_tokens = 0;
  std::int64_t characters = 0;
  std::chrono::microseconds open_for{};
  bool voided = false;          // never reached an engine; only find() shows such a row
  std::int64_t seq = 0;         // its place in the ledger; 0 while open
  WallTime booked_at{};         // when it was settled, by the ledger's clock, which never goes back
  std::int64_t boot = 0;        // which start of the ledger opened it
  metering::Counts checkpoint;  // of an open row: how far it was when that was last noted
  bool is_priced() const { return !price_version.empty(); }
  bool is_recovered() const { return settlement.finish == metering::Finish::recovered; }
  // What was made may be more: its end was lost, or its engine has not counted it.
  bool is_lower_bound() const {
    const metering::Counts& counts = settlement.counts;
    const bool is_ours = counts.source == metering::Source::floor;
    return is_recovered() || (is_ours && counts.prompt + counts.generated > 0);
  }
};

// A sum over settled rows of one currency; `requests` includes the open ones.
struct UsageSum : metering::Totals {
  std::string group;         // the grouping value: model, key, day ("2026-11-25")..., or empty
  TenantId tenant;           // whose, when grouped by tenant; else nil
  std::string currency;      // sums of different currencies are never added up
  std::size_t interval = 0;  // between edges[interval] and the next one
  std::int64_t open = 0;  // requests in flight, by when they began; their tokens are not known yet
  std::int64_t first_seq =
      0;  // the settled rows lie in this range of the ledger; 0: there are none
  std::int64_t last_seq = 0;
  metering::EnergyMethod energy_method{};  // the worst among them
};

// Which rows. Times are those of booking (UsageRow::booked_at): what is settled after a period has
// ended belongs to the next one. Open rows have none and count by when they began.
struct UsageQuery {
  TenantId tenant;
  std::optional<ProjectId> project;
  std::optional<KeyId> key;
  std::optional<std::string> model;
  std::optional<WallTime> from;   // inclusive
  std::optional<WallTime> until;  // exclusive
  enum class GroupBy : std::uint8_t {
    none,
    model,
    key,
    project,
    day,    // of UTC; for other days give `edges`
    month,  // of UTC: "2026-11"
    user,
    cost_centre,
    engine,
    revision,
    price,   // version id
    tenant,  // its id; with all_tenants
  };
  GroupBy group_by = GroupBy::none;
  std::optional<std::string> user;
  std::optional<std::string> cost_centre;
  std::optional<std::string> engine;
  bool all_tenants = false;  // `tenant` is not looked at
  // Sorted instants instead of from/until: one sum for each interval between two neighbours. Fast
  // when they are multiples of a quarter of an hour, as every time zone's days and months are.
  static constexpr std::size_t kEdgesMax = 1'100;
  std::vector<WallTime> edges;
  // For rows(): only this request; only rows before this place in the ledger (for paging).
  std::optional<RequestId> request;
  std::optional<std::int64_t> before_seq;
};

// How far a request has come.
//
//   open ---> completed   stop, length, tool_calls, content_filter
//        ---> cancelled   client_closed
//        ---> failed      any other end
enum class RequestStatus : std::uint8_t { open, completed, cancelled, failed };
constexpr std::string_view name(RequestStatus status) {
  constexpr std::array<std::string_view, 4> names{"open", "completed", "cancelled", "failed"};
  return names.at(static_cast<std::size_t>(status));
}
constexpr RequestStatus status_of(metering::Finish finish) {
  using metering::Finish;
  if (finish == Finish::client_closed) return RequestStatus::cancelled;
  const bool is_whole = finish == Finish::stop || finish == Finish::length ||
                        finish == Finish::tool_calls || finish == Finish::content_filter;
  return is_whole ? RequestStatus::completed : RequestStatus::failed;
}
inline RequestStatus status_of(const UsageRow& row) {
  return row.open ? RequestStatus::open : status_of(row.settlement.finish);
}

// A place in a list of requests: behind it comes what is older.
struct RequestCursor {
  bool is_open = false;  // among the open rows; else among those that have ended
  std::int64_t day = 0;  // of UTC, since 1970, in which the row was booked; 0: open
  std::int64_t at = 0;   // a number that falls from row to row
  friend bool operator==(const RequestCursor&, const RequestCursor&) = default;
};

// Which requests a list is of. Times are those of UsageQuery.
struct RequestQuery {
  std::optional<TenantId> tenant;  // nothing: all
  std::optional<ProjectId> project;
  std::optional<KeyId> key;
  std::optional<std::string> model;
  std::optional<RequestStatus> status;
  std::optional<WallTime> from;   // inclusive
  std::optional<WallTime> until;  // exclusive
  std::optional<RequestCursor> after;
  std::size_t limit = 100;
};

// The open ones first, then those that have ended, the last one first. Void ones are not shown.
struct RequestPage {
  std::vector<UsageRow> rows;         // may be fewer than wanted, or none, with more to come
  std::optional<RequestCursor> next;  // nothing: that was all
  // All that ended later has been looked at; nothing while the list is among the open ones, and at
  // its end.
  std::optional<WallTime> searched_until;
};

// Where a limit's counters start after a boot: what each subject has used.
struct SinceQuery {
  enum class By : std::uint8_t { tenant, project, key, user, engine };
  By by = By::tenant;
  WallTime from{};                       // inclusive
  std::optional<WallTime> until{};       // exclusive
  std::optional<TenantId> tenant{};      // nothing: all
  std::optional<std::string> subject{};  // the one with this id or name; nothing: all
  std::optional<std::string> model{};
  // Not one sum of the whole period but one for each part of it, cut at multiples of this; a second
  // or more. What roll-ups of this length or less know is not read row by row.
  std::optional<std::chrono::seconds> parts_of{};
};
struct UsageSince {
  TenantId tenant;
  std::string subject;  // id or name of the project, key, user or engine; empty by tenant
  std::string currency;
  WallTime until{};       // the end of this part, or of the period
  metering::Totals sums;  // `requests` includes the open ones, which have no tokens yet
  std::int64_t open = 0;
};

// What verify() found. Drift is what a kept sum says too much or too little, and must be 0.
struct SubjectDrift {
  TenantId tenant;
  ProjectId project;
  std::string key;
  std::string model;
  std::string user;
  std::string currency;
  std::string where;          // "balance", "minute 2026-11-25T08:30:00Z", ...
  std::int64_t requests = 0;  // kept minus counted
  std::int64_t tokens = 0;    // prompt and generated ones: the sum of both differences' sizes
  std::int64_t cost_micro = 0;
};
struct VerifyReport {
  static constexpr std::size_t kDriftsMax = 1'000;  // listed; all are counted

  std::int64_t rows = 0;  // terminal records read, void ones included
  std::int64_t first_seq = 0;
  std::int64_t last_seq = 0;
  std::int64_t partitions = 0;
  std::int64_t subjects = 0;
  std::int64_t sums = 0;           // balances and roll-ups compared
  metering::Totals totals;         // of the rows that are there
  std::int64_t drift_tokens = 0;   // over all balances: |kept - counted|, each kind of its own
  std::int64_t drift_micro = 0;    // the same of money
  std::int64_t rollup_drifts = 0;  // roll-ups that differ in anything
  std::int64_t mispriced = 0;      // rows whose cost, GSE or energy does not follow from the price
  std::int64_t mispriced_micro = 0;  // |written - computed|, added up
  std::int64_t broken_rows = 0;      // rows in a wrong partition, out of order or without a subject
  std::vector<SubjectDrift> drifts;
  bool clean() const {
    return drift_tokens == 0 && drift_micro == 0 && rollup_drifts == 0 && mispriced == 0 &&
           broken_rows == 0 && drifts.empty();
  }
};

// Called by verify() between its steps, each of at most so many rows: may wait; an error ends it.
using VerifyPace = std::function<Result<void>()>;
constexpr std::int64_t kVerifyStepRows = 1'024;

// What a client's Idempotency-Key means for the request that brings it.
struct ClaimResult {
  enum class State : std::uint8_t {
    claimed,  // go on; it is this request's until unclaim(), a refused or void row, or 24 h later
    in_progress,  // `request` is still at work on it
    reused,       // the key came with another body before
    finished,     // `request` answered it; never do it again
  };
  State state = State::claimed;
  RequestId request;                // the earlier one
  metering::Settlement settlement;  // when finished
};

struct LedgerStats {
  std::uint64_t commits = 0;
  std::uint64_t records = 0;
  std::uint64_t waiting = 0;  // records not yet durable
  std::uint64_t failures = 0;
  std::uint64_t sync_nanoseconds = 0;  // summed
  std::uint64_t recovered = 0;         // rows of earlier boots that this one settled
  std::uint64_t clock_jumps = 0;       // times the wall clock went back by more than 5 s
  std::uint64_t unpriced = 0;          // rows settled without a price since the start
  std::uint64_t drifted = 0;           // rows settled with the drift flag since the start
  std::uint64_t partitions_dropped = 0;
  std::uint64_t claims = 0;       // Idempotency-Keys that are held
  std::int64_t drift_tokens = 0;  // of the last verify(); -1: it found something else
  std::uint64_t verified = 0;     // times verify() has run
  bool disk_full = false;         // intents are refused until there is room
  std::int64_t reserve_left = 0;  // bytes of the disk that only the ledger gives up
};

// The ledger of usage: one writer with group commit. Any worker calls it.
//   I1  a row is durable when open() resolves
//   I2  each request has at most one terminal record (settle or void)
//   I3  rows of an earlier boot that are still open are settled as `recovered` when the ledger
//       opens: with what they came to, where somebody knows, else with their last checkpoint
// docs/ledger.md has the rest, with the tests of each.
class Ledger {
 public:
  virtual ~Ledger() = default;
  // Resolves on `loop` when the intent is durable. Code::metering_unavailable when it cannot be, or
  // by `until` or the ledger's own limit; Code::cancelled when the client, who is
  // `until.cancelled`, went first. After an error the caller has no row: one that becomes durable
  // later is closed as aborted or client_closed without tokens, because nothing was delivered; one
  // with an Idempotency-Key is void, because its engine is asked only once it is open.
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
  // Newest first (open ones before settled ones), at most `limit`. Rows that retention has dropped
  // are gone from here, not from the sums.
  virtual Result<std::vector<UsageRow>> rows(const UsageQuery& query, std::size_t limit) = 0;
  // A page of a list of requests. Looks at a bounded number of rows, however few of them fit. A
  // request that ends while somebody pages may be shown twice, open and ended, and is never left
  // out.
  virtual Result<RequestPage> requests(const RequestQuery& query) = 0;
  // The row of one request, a void one too; nothing when there is none (any more).
  virtual Result<std::optional<UsageRow>> find(RequestId request) = 0;
  // The version of a price that rows name; null when no row ever did.
  virtual Result<std::shared_ptr<const metering::Price>> price(const std::string& id) = 0;
  // What subjects have used since an instant, exact to the row.
  virtual Result<std::vector<UsageSince>> usage_since(const SinceQuery& query) = 0;
  // Computes every balance and roll-up from the rows again. Reads a snapshot while the ledger works
  // on; takes seconds per million rows, and what `pace` waits.
  virtual Result<VerifyReport> verify(const VerifyPace& pace) = 0;
  Result<VerifyReport> verify() {
    return verify([] { return Result<void>(); });
  }
  // Blocking. Puts `pseudonym`, which nobody else has, in place of a user's name, and leaves the
  // name nowhere; rows and sums stay. Says how many subjects had it. May be done again after an
  // error. Requests of a key that still names the user as its owner bring the name back.
  virtual Result<std::int64_t> erase_user(TenantId tenant, const std::string& user,
                                          const std::string& pseudonym) = 0;
  // Whether any request was this user's, also one whose row is gone or void. Blocking.
  virtual Result<bool> knows_user(TenantId tenant, const std::string& user) {
    UsageQuery query{.tenant = tenant};
    query.user = user;
    TRY(const std::vector<UsageSum> sums, sum(query));
    return std::ranges::any_of(sums, [](const UsageSum& one) { return one.requests > 0; });
  }

  // Before an intent with an Idempotency-Key. Any thread, never waits. Code::queue_full: the tenant
  // (client's fault) or the server (ours) holds too many keys.
  virtual Result<ClaimResult> claim(TenantId tenant, const metering::Idempotency& key,
                                    RequestId request) = 0;
  // Gives a key back whose request failed before its intent was handed over; else does nothing: the
  // key of an intent is kept, unless its row is void.
  virtual void unclaim(TenantId tenant, const metering::Idempotency& key, RequestId request) = 0;

  // The last rows of runs that did not end by themselves, oldest first, at most `limit`, until
  // somebody has been told of them: those that were recovered, and the last ones that were settled
  // before. Of most of these somebody was told as they ended; void ones are among them. Blocking. A
  // ledger in memory has none.
  virtual Result<std::vector<UsageRow>> untold(std::size_t /*limit*/) {
    return std::vector<UsageRow>();
  }
  // Of those up to this place in the ledger somebody has been told. Blocking.
  virtual Result<void> told(std::int64_t /*seq*/) { return {}; }

  // Waits (blocking) until everything handed over so far is durable, at most about `limit`: for
  // reports, shutdown and tests.
  virtual Result<void> flush(std::chrono::milliseconds limit) = 0;
  Result<void> flush() { return flush(std::chrono::seconds(30)); }

 protected:
  friend class OpenRow;
  using Haste = store::Haste;
  virtual void checkpoint(RequestId request, const metering::Counts& counts, Haste haste) = 0;
  virtual rt::Task<Result<void>> save(RequestId request, metering::Counts counts, rt::Loop& loop,
                                      rt::Until until) = 0;
  virtual rt::Task<Result<void>> amend(metering::Intent intent, rt::Loop& loop,
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
inline void OpenRow::note(const metering::Counts& counts, Haste haste) {
  has_checkpoint_ = true;
  handed_ = counts.generated;
  if (haste == Haste::now) hurried_ = counts.generated;
}
inline void OpenRow::checkpoint(const metering::Counts& counts, Haste haste) {
  note(counts, haste);
  ledger_->checkpoint(request_, counts, haste);
}
inline rt::Task<Result<void>> OpenRow::save(const metering::Counts& counts, rt::Loop& loop,
                                            rt::Until until) {
  note(counts, Haste::now);
  return ledger_->save(request_, counts, loop, until);
}
inline rt::Task<Result<void>> OpenRow::amend(metering::Intent intent, rt::Loop& loop,
                                             rt::Until until) {
  assert(intent.request == request_);
  has_checkpoint_ = false;
  handed_ = hurried_ = 0;
  return ledger_->amend(std::move(intent), loop, until);
}
inline void OpenRow::start_over() {
  if (!std::exchange(has_checkpoint_, false)) return;
  handed_ = hurried_ = 0;
  ledger_->checkpoint(request_, {}, Haste::now);
}
inline void OpenRow::settle(const metering::Settlement& settlement) && {
  const std::int64_t unsaved = settlement.counts.generated - std::max(hurried_, durable());
  std::exchange(ledger_, nullptr)
      ->settle(request_, settlement, unsaved >= kUnsavedMax ? Haste::now : Haste::none);
}
inline void OpenRow::void_unused() && { std::exchange(ledger_, nullptr)->void_unused(request_); }

}  // namespace sovmesh::store
