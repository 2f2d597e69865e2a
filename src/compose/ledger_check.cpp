#include "compose/ledger_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "rt/real.h"

namespace sovmesh::compose {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr std::chrono::hours kQuiet{3};       // of the day, UTC
constexpr std::chrono::minutes kLookMost{5};  // a clock that is set moves a check by this at most

}  // namespace

WallTime next_check(WallTime now, std::chrono::milliseconds every) {
  const auto length = std::chrono::duration_cast<microseconds>(every);
  const microseconds past = now.time_since_epoch() - kQuiet;
  return now + length - (past % length + length) % length;
}

LedgerCheck::LedgerCheck(Parts parts)
    : parts_(std::move(parts)), thread_(rt::make_blocking_pool(1, 1)) {
  if (!parts_.wait_until)
    parts_.wait_until = [this](Instant when) { (void)woken_.acquire_until(when); };
}

void LedgerCheck::stop() {
  stopped_ = true;
  woken_.release();
}

Result<void> LedgerCheck::rest(Instant& step_began, Instant deadline) {
  const Instant now = parts_.clock.now();
  if (now >= deadline) {
    return our_error(
        Code::overloaded,
        fmt::format("not done within {} minutes: the disk is slow, or the ledger large",
                    std::chrono::minutes(kTimeMax).count()));
  }
  parts_.wait_until(now + std::max<Instant::duration>(now - step_began, kRestLeast));
  if (stopped_) return our_error(Code::cancelled, "the server is stopping");
  step_began = parts_.clock.now();
  return {};
}

Result<store::VerifyReport> LedgerCheck::check() {
  Instant step_began = parts_.clock.now();
  const Instant deadline = step_began + kTimeMax;
  Result<store::VerifyReport> report =
      parts_.ledger.verify([&] { return rest(step_began, deadline); });
  if (report) {
    tell(*report);
  } else if (report.error().code() != Code::cancelled) {
    parts_.log.say(observe::Level::warning, "ledger_verify", report.error().message());
  }
  return report;
}

void LedgerCheck::tell(const store::VerifyReport& report) const {
  if (report.clean()) {
    parts_.log.say(observe::Level::info, "ledger_verify",
                   fmt::format("{} rows and {} sums add up", report.rows, report.sums));
    return;
  }
  const std::string found = fmt::format(
      "the ledger does not add up: drift of {} tokens and {} millionths of money, {} roll-ups, "
      "{} rows of a wrong price, {} broken rows; see `sovmesh ledger verify`",
      report.drift_tokens, report.drift_micro, report.rollup_drifts, report.mispriced,
      report.broken_rows);
  parts_.log.say(observe::Level::error, "ledger_drift", found);
  if (parts_.audit == nullptr) return;
  store::AdminEntry entry;
  entry.action = "ledger.drift";
  entry.object = "ledger";
  entry.outcome = "failed";
  entry.reason = found;
  if (const auto written = parts_.audit->append(std::move(entry)); !written)
    parts_.log.say(observe::Level::error, "ledger_drift", written.error().message());
}

rt::Task<void> LedgerCheck::run(rt::Loop& loop, rt::Event& stopping,
                                std::chrono::milliseconds every) {
  WallTime due = next_check(parts_.clock.wall_now(), every);
  for (;;) {
    const auto left = std::chrono::ceil<milliseconds>(due - parts_.clock.wall_now());
    const rt::Until look{loop.in(std::clamp<milliseconds>(left, kRestLeast, kLookMost)), &stopping};
    if (!co_await rt::sleep(loop, look)) co_return;
    const WallTime now = parts_.clock.wall_now();
    if (now >= due) {
      const auto work = [this] { return check(); };
      (void)co_await rt::run_blocking(*thread_, loop, work);
    }
    due = next_check(now, every);
  }
}

}  // namespace sovmesh::compose
