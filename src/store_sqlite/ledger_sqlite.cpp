#include "store_sqlite/ledger_sqlite.h"

#include <optional>
#include <utility>

#include "rt/loop.h"
#include "store_sqlite/ledger_erase.h"
#include "store_sqlite/ledger_untold.h"
#include "store_sqlite/ledger_verify.h"

namespace sovmesh::store_sqlite {
namespace {

Error refusal_error(Refusal why) {
  const auto say = [](const char* text, std::chrono::milliseconds retry_after) {
    return Error(Code::metering_unavailable, Blame::us,
                 std::string("usage cannot be recorded: ") + text)
        .with_retry_after(retry_after);
  };
  using std::chrono::seconds;
  switch (why) {
    case Refusal::queue_full:
      return say("too many records are waiting", seconds(1));
    case Refusal::disk_full:
      return say("the disk is full", seconds(10));
    case Refusal::duplicate:
      return say("this request was recorded before", seconds(1));
    case Refusal::busy:
      return say("the ledger is locked by another program", seconds(2));
    case Refusal::closing:
      return say("the server is stopping", seconds(2));
    case Refusal::broken:
    case Refusal::none:
      break;
  }
  return say("the ledger's disk failed; the server must be restarted", seconds(30));
}

// The caller's side of one open(), amend() or save(): lives in its coroutine frame, and a frame
// ends before its loop. When it goes away before the row has been taken over, the row is closed.
class Claim {
 public:
  Claim(std::shared_ptr<Ticket> ticket, SharedMailbox mailbox)
      : ticket_(std::move(ticket)), mailbox_(std::move(mailbox)) {}
  Claim(const Claim&) = delete;
  Claim& operator=(const Claim&) = delete;
  ~Claim() {
    ticket_->done = nullptr;
    if (taken_) return;
    mailbox_->with([&](Mailbox& box) { box.abandon(*ticket_, abandoned_); });
  }
  const Ticket& ticket() const { return *ticket_; }
  void take() { taken_ = true; }
  void client_left() { abandoned_ = metering::Finish::client_closed; }

 private:
  std::shared_ptr<Ticket> ticket_;
  SharedMailbox mailbox_;
  metering::Finish abandoned_ = metering::Finish::aborted;
  bool taken_ = false;
};

}  // namespace

LedgerSqlite::LedgerSqlite(Disk& disk, std::unique_ptr<LedgerWriter> writer, Database reader,
                           std::unique_ptr<LedgerRunner> runner, SharedMailbox mailbox,
                           SharedClaims claims, const Clock& clock, const LedgerOptions& options)
    : disk_(disk),
      path_(reader.path()),
      writer_(std::move(writer)),
      reports_(std::move(reader)),
      runner_(std::move(runner)),
      mailbox_(std::move(mailbox)),
      claims_(std::move(claims)),
      clock_(clock),
      options_(options) {
  runner_->start(*writer_);
}

LedgerSqlite::~LedgerSqlite() {
  runner_->stop();
  writer_->finish();
}

rt::Task<Result<store::OpenRow>> LedgerSqlite::open(metering::Intent intent, rt::Loop& loop,
                                                    rt::Until until) {
  const RequestId request = intent.request;
  if (!hand_over_claim(intent))
    co_return our_error(Code::conflict, "the Idempotency-Key is another request's");
  rt::Event done(loop);
  auto ticket = std::make_shared<Ticket>(Ticket{
      .request = request, .keyed = intent.idempotency.has_value(), .loop = &loop, .done = &done});
  Claim claim(ticket, mailbox_);
  const std::optional<metering::Idempotency> key = intent.idempotency;
  const TenantId tenant = intent.tenant;
  const auto durable = std::make_shared<store::DurableTokens>(0);
  Opening opening{.intent = std::move(intent), .ticket = std::move(ticket), .durable = durable};
  if (const Refusal why = hand_over_opening(std::move(opening)); why != Refusal::none) {
    if (key) claims_->with([&](Claims& claims) { claims.free(tenant, key->key, request); });
    co_return fail(refusal_error(why));
  }
  const Result<void> opened = co_await decided(claim.ticket(), done, loop, until);
  if (!opened && opened.error().code() == Code::cancelled) claim.client_left();
  if (!opened) co_return fail(opened.error());
  claim.take();
  co_return store::OpenRow(*this, request, durable);
}

template <class Put>
Refusal LedgerSqlite::hand_over(bool is_intent, Put put) {
  bool wake = false;
  const Refusal why = mailbox_->with([&](Mailbox& box) {
    if (const Refusal why = box.refuses(is_intent); why != Refusal::none) return why;
    if (!put(box.waiting)) return Refusal::queue_full;
    ++box.handed_over;
    wake = std::exchange(box.writer_rests, false);
    return Refusal::none;
  });
  if (wake) runner_->wake();
  return why;
}

Refusal LedgerSqlite::hand_over_opening(Opening opening) {
  return hand_over(opening.ticket->opens, [&](Batch& waiting) {
    if (waiting.openings.size() >= Mailbox::kOpeningsMax) return false;
    waiting.openings.push_back(std::move(opening));
    return true;
  });
}

Refusal LedgerSqlite::hand_over_save(const Progress& progress, std::shared_ptr<Ticket> ticket) {
  return hand_over(false, [&](Batch& waiting) {
    if (waiting.progress.size() >= Mailbox::kProgressMax) return false;
    waiting.progress.push_back(progress);
    waiting.saves.push_back(std::move(ticket));
    return true;
  });
}

bool LedgerSqlite::accepts() const {
  return mailbox_->with([](Mailbox& box) {
    return box.refusing == Refusal::none && box.waiting.openings.size() < Mailbox::kOpeningsMax;
  });
}

void LedgerSqlite::checkpoint(RequestId request, const metering::Counts& counts, Haste haste) {
  const bool wake = mailbox_->with([&](Mailbox& box) {
    // One that begins anew, which each does once at most, must not be billed for what was before.
    const bool starts_over = counts == metering::Counts();
    if (!starts_over && box.waiting.progress.size() >= Mailbox::kProgressMax) return false;
    box.waiting.progress.push_back({request, counts});
    ++box.handed_over;
    return haste == Haste::now && box.hurry();
  });
  if (wake) runner_->wake();
}

rt::Task<Result<void>> LedgerSqlite::save(RequestId request, metering::Counts counts,
                                          rt::Loop& loop, rt::Until until) {
  rt::Event done(loop);
  auto ticket = std::make_shared<Ticket>(
      Ticket{.request = request, .opens = false, .loop = &loop, .done = &done});
  const Claim claim(ticket, mailbox_);
  if (const Refusal why = hand_over_save({request, counts}, std::move(ticket));
      why != Refusal::none)
    co_return fail(refusal_error(why));
  co_return co_await decided(claim.ticket(), done, loop, until);
}

rt::Task<Result<void>> LedgerSqlite::amend(metering::Intent intent, rt::Loop& loop,
                                           rt::Until until) {
  intent.idempotency.reset();  // it is the opening's
  rt::Event done(loop);
  auto ticket = std::make_shared<Ticket>(
      Ticket{.request = intent.request, .opens = false, .loop = &loop, .done = &done});
  const Claim claim(ticket, mailbox_);
  Opening amendment{.intent = std::move(intent), .ticket = std::move(ticket)};
  if (const Refusal why = hand_over_opening(std::move(amendment)); why != Refusal::none)
    co_return fail(refusal_error(why));
  co_return co_await decided(claim.ticket(), done, loop, until);
}

rt::Task<Result<void>> LedgerSqlite::decided(const Ticket& ticket, rt::Event& done, rt::Loop& loop,
                                             rt::Until until) const {
  until.deadline = until.deadline.earlier(loop.in(options_.open_timeout));
  const rt::Wake wake = co_await done.wait(until);
  if (wake == rt::Wake::cancelled)
    co_return client_error(Code::cancelled, "cancelled while the usage was being recorded");
  if (!ticket.delivered)
    co_return our_error(Code::metering_unavailable, "usage cannot be recorded: the disk is slow");
  if (ticket.outcome != Refusal::none) co_return fail(refusal_error(ticket.outcome));
  co_return Result<void>();
}

void LedgerSqlite::settle(RequestId request, const metering::Settlement& settlement, Haste haste) {
  const bool wake = mailbox_->with([&](Mailbox& box) {
    box.close({request, Terminal::settled, settlement});
    return haste == Haste::now && box.hurry();
  });
  if (wake) runner_->wake();
}

void LedgerSqlite::void_unused(RequestId request) {
  mailbox_->with([&](Mailbox& box) { box.close({request, Terminal::voided, {}}); });
}

Result<std::vector<store::UsageSum>> LedgerSqlite::sum(const store::UsageQuery& query) {
  return reports_.sum(query);
}

Result<std::vector<store::UsageRow>> LedgerSqlite::rows(const store::UsageQuery& query,
                                                        std::size_t limit) {
  return reports_.rows(query, limit);
}

Result<store::RequestPage> LedgerSqlite::requests(const store::RequestQuery& query) {
  return reports_.requests(query);
}

Result<std::optional<store::UsageRow>> LedgerSqlite::find(RequestId request) {
  return reports_.find(request);
}

Result<std::shared_ptr<const metering::Price>> LedgerSqlite::price(const std::string& id) {
  return reports_.price(id);
}

Result<std::vector<store::UsageSince>> LedgerSqlite::usage_since(const store::SinceQuery& query) {
  return reports_.usage_since(query);
}

Result<store::VerifyReport> LedgerSqlite::verify(const store::VerifyPace& pace) {
  TRY(store::VerifyReport report,
      verify_ledger(disk_, path_,
                    options_.energy != nullptr ? *options_.energy : metering::power_model(), pace));
  drift_tokens_ = report.clean() || report.drift_tokens != 0 ? report.drift_tokens : -1;
  ++verified_;
  return report;
}

Result<std::int64_t> LedgerSqlite::erase_user(TenantId tenant, const std::string& user,
                                              const std::string& pseudonym) {
  return store_sqlite::erase_user(disk_, clock_, path_, tenant, user, pseudonym, kEraseMax);
}

Result<bool> LedgerSqlite::knows_user(TenantId tenant, const std::string& user) {
  return reports_.knows_user(tenant, user);
}

Result<std::vector<store::UsageRow>> LedgerSqlite::untold(std::size_t limit) {
  return reports_.untold(limit);
}

// On a connection of its own, as the writer has other things to do.
Result<void> LedgerSqlite::told(std::int64_t seq) {
  TRY(Database database, Database::open(disk_, path_, {.create = false, .read_only = false}));
  TRY(Transaction transaction, Transaction::begin(database));
  TRY_VOID(note_told(database, seq));
  return transaction.commit();
}

store::LedgerStats LedgerSqlite::stats() const {
  store::LedgerStats stats = writer_->stats();
  stats.drift_tokens = drift_tokens_;
  stats.verified = verified_;
  return stats;
}

Result<store::ClaimResult> LedgerSqlite::claim(TenantId tenant, const metering::Idempotency& key,
                                               RequestId request) {
  const WallTime now = clock_.wall_now();
  return claims_->with([&](Claims& claims) { return claims.claim(tenant, key, request, now); });
}

void LedgerSqlite::unclaim(TenantId tenant, const metering::Idempotency& key, RequestId request) {
  claims_->with([&](Claims& claims) { claims.unclaim(tenant, key.key, request); });
}

bool LedgerSqlite::hand_over_claim(const metering::Intent& intent) {
  if (!intent.idempotency) return true;
  const WallTime now = clock_.wall_now();
  return claims_->with([&](Claims& claims) {
    return claims.hand_over(intent.tenant, *intent.idempotency, intent.request, now);
  });
}

Result<void> LedgerSqlite::flush(std::chrono::milliseconds limit) {
  const Instant deadline = clock_.now() + limit;
  std::optional<std::uint64_t> target;
  const auto attempted = std::make_shared<rt::Semaphore>();
  for (int attempt = 0; attempt < kFlushAttempts && clock_.now() < deadline; ++attempt) {
    const auto [durable, refusing] = mailbox_->with([&](Mailbox& box) {
      if (!target) target = box.handed_over;
      const bool all = box.durable >= *target;
      if (!all) box.flush_wanted = true;
      if (!all && !runner_->is_inline()) box.flushers.push_back(attempted);
      return std::pair(all, box.refusing);
    });
    if (durable && refusing != Refusal::broken) return {};
    if (refusing != Refusal::none) return fail(refusal_error(refusing));
    if (runner_->is_inline()) {
      writer_->run_once();
    } else {
      runner_->wake();
      attempted->acquire_until(deadline);
    }
  }
  return our_error(Code::metering_unavailable, "the ledger's disk is slow; records still wait");
}

}  // namespace sovmesh::store_sqlite
