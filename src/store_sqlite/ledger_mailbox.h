#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "base/guarded.h"
#include "metering/usage.h"
#include "rt/event.h"
#include "rt/semaphore.h"
#include "store/ledger.h"
#include "store_sqlite/ledger_schema.h"

namespace sovmesh::store_sqlite {

// Why an intent was not taken.
enum class Refusal : std::uint8_t { none, queue_full, disk_full, broken, duplicate, busy, closing };

// One open(), amend() or save() between its caller's loop and the writer. A caller that goes away
// takes its loop out of the ticket, and posts are made under the mailbox's lock: so the writer
// never posts to a loop that has ended, however late it comes.
struct Ticket {
  RequestId request;
  bool opens = true;   // else its row is open already
  bool keyed = false;  // opened before its engine is asked (store::Ledger::open)

  // Under the mailbox's lock.
  rt::Loop* loop = nullptr;  // null once the caller has gone away
  bool decided = false;      // `outcome` is what it is, and the loop will know
  metering::Finish abandoned = metering::Finish::aborted;  // the row's end if nobody takes it over

  Refusal outcome = Refusal::none;  // the writer's until it is decided

  // The loop's alone.
  rt::Event* done = nullptr;
  bool delivered = false;  // it knows the outcome
};

// Of a row, or what a row that is open says from then on: then its ticket does not open.
struct Opening {
  metering::Intent intent;
  std::shared_ptr<Ticket> ticket;
  std::shared_ptr<store::DurableTokens> durable;
};
struct Progress {
  RequestId request;
  metering::Counts counts;
};
struct Closing {
  RequestId request;
  Terminal terminal = Terminal::settled;
  metering::Settlement settlement;
  bool doubled = false;  // its request has a terminal record already
};

struct Batch {
  std::vector<Opening> openings;
  std::vector<Progress> progress;
  std::vector<Closing> closings;
  std::vector<std::shared_ptr<Ticket>> saves;  // told when the progress beside them is durable

  std::size_t size() const { return openings.size() + progress.size() + closings.size(); }
  void clear() {
    openings.clear();
    progress.clear();
    closings.clear();
    saves.clear();
  }
};

// What workers hand to the writer. Bounds: openings by kOpeningsMax, closings by the number of open
// rows (each is closed once), progress by kProgressMax (a dropped one only lowers what a crash
// would bill).
struct Mailbox {
  static constexpr std::size_t kOpeningsMax = 4096;
  static constexpr std::size_t kProgressMax = 65'536;

  Batch waiting;
  std::size_t in_commit = 0;  // records the writer has taken and not yet made durable
  // Records ever put in; of them, how many the writer has ever taken and ever made durable.
  std::uint64_t handed_over = 0;
  std::uint64_t taken = 0;
  std::uint64_t durable = 0;
  bool flush_wanted = false;
  bool in_haste = false;  // a record among those that wait is worth a commit of its own
  std::vector<std::shared_ptr<rt::Semaphore>> flushers;  // released after each commit
  bool writer_rests = false;  // somebody has to wake it for what is due sooner than it will look
  Refusal refusing = Refusal::none;
  std::uint64_t dropped = 0;  // closings that came when nothing could be written any more

  // The writer's attempt is over; `left` records it has taken are still not durable.
  void attempt_done(std::size_t left) {
    in_commit = left;
    for (const auto& flusher : flushers)
      flusher->release();
    flushers.clear();
  }
  // Closes a row whose owner is gone: nothing was delivered to it, and with an Idempotency-Key no
  // engine was asked.
  void close_if_opened(const Ticket& ticket) {
    if (!ticket.opens || ticket.outcome != Refusal::none) return;
    metering::Settlement end;
    end.finish = ticket.abandoned;
    close({ticket.request, ticket.keyed ? Terminal::voided : Terminal::settled, end});
  }
  // Its caller is not there to take the row over.
  void abandon(Ticket& ticket, metering::Finish finish) {
    ticket.loop = nullptr;
    ticket.abandoned = finish;
    if (ticket.decided) close_if_opened(ticket);
  }
  // The writer has done with it. False: nobody is there to be told.
  bool decide(Ticket& ticket) {
    ticket.decided = true;
    if (ticket.loop == nullptr) close_if_opened(ticket);
    return ticket.loop != nullptr;
  }
  // Whether somebody may hand over something to wait for: an intent, or else counts of a row that
  // is open. What is in flight is written on a full disk, too.
  Refusal refuses(bool is_intent) const {
    return is_intent || refusing != Refusal::disk_full ? refusing : Refusal::none;
  }
  // Whether somebody has to wake the writer, now that there is something in haste.
  bool hurry() { return !std::exchange(in_haste, true) && std::exchange(writer_rests, false); }
  void close(const Closing& closing) {
    if (refusing == Refusal::broken || refusing == Refusal::closing) {
      ++dropped;
      return;
    }
    ++handed_over;
    waiting.closings.push_back(closing);
  }
};
using SharedMailbox = std::shared_ptr<Guarded<Mailbox>>;

}  // namespace sovmesh::store_sqlite
