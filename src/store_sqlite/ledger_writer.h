#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "metering/price.h"
#include "metering/usage.h"
#include "store/ledger.h"
#include "store_sqlite/database.h"
#include "store_sqlite/ledger_books.h"
#include "store_sqlite/ledger_claims.h"
#include "store_sqlite/ledger_mailbox.h"
#include "store_sqlite/ledger_names.h"
#include "store_sqlite/ledger_retention.h"
#include "store_sqlite/ledger_runner.h"
#include "store_sqlite/reserve.h"
#include "store_sqlite/row_insert.h"

namespace sovmesh::store_sqlite {

struct LedgerOptions {
  // A commit costs some 50 us of CPU and a sync, so commits start at least this far apart; the
  // first one after a quiet time starts at once, and half as far again after a large one.
  std::chrono::microseconds commit_interval{5'000};
  // What is in haste (store::OpenRow: many tokens) starts one too, but nobody waits for it: a
  // little later it takes more streams along.
  std::chrono::microseconds haste_interval{20'000};
  // Other settlements wait for the next commit, at most this long.
  std::chrono::milliseconds settle_delay{50};
  // So do checkpoints.
  std::chrono::milliseconds checkpoint_delay{100};
  // open() gives up after this.
  std::chrono::milliseconds open_timeout{5'000};
  // Space that is kept so that running requests can be settled on a full disk. 0: none.
  std::int64_t reserve_bytes = std::int64_t{64} << 20;
  // What this start has of it. Null: nothing.
  std::shared_ptr<Loan> loan;
  // Pages in the write-ahead log that are copied back in a quiet moment, and at any moment.
  int log_pages_soft = 1'000;
  int log_pages_hard = 4'000;
  // What requests came to whose rows an earlier boot has left open, where somebody else knows: it
  // was told their settlements, and the ledger could not write them. Empty: nobody does.
  std::function<std::map<RequestId, metering::Counts>(const std::vector<RequestId>&)> ended = {};
  // Whether that one has written down what it was told; asked when the ledger ends. Empty: it has.
  std::function<bool()> is_all_told = {};
  // What is kept, and how long.
  RetentionOptions retention{};
  // Idempotency-Keys of 24 hours.
  Claims::Bounds claims{};
  // Where the energy of requests comes from. Null: from design power (metering::power_model()).
  const metering::EnergyMeter* energy = nullptr;
};

// The one writer of ledger.db: turns batches from the mailbox into transactions. run_once() and
// everything below it is for the runner alone; the rest may be called by any thread.
//
//             commit fails: disk full                 all is written, reserve is back
//   healthy ---------------------------> full ------------------------------------> healthy
//      |    any other failure             |  any other failure
//      +--------------> broken <----------+        (never left: a sync that failed is never
//      retried)
class LedgerWriter : public LedgerWork {
 public:
  // So much of the reserve goes over to the write-ahead log when a commit finds no room. Little,
  // because whatever else writes to the disk may be faster than we.
  static constexpr std::int64_t kReserveSlice = std::int64_t{256} << 10;

  LedgerWriter(Disk& disk, Database database, const Clock& clock, const LedgerOptions& options,
               SharedMailbox mailbox, SharedClaims claims);
  // Settles what earlier boots left open and gets ready. Before anything else.
  Result<void> begin();

  Pause run_once() override;
  // Commits what waits and copies the log back, once the runner has stopped. Refuses the rest.
  void finish();

  store::LedgerStats stats() const;

 private:
  enum class State : std::uint8_t { healthy, full, broken };
  // The Idempotency-Key of a row in flight.
  struct IdemInfo {
    std::int64_t no = 0;
    TenantId tenant;
    Digest key{};
  };
  // What the writer remembers of a row in flight.
  struct Terms {  // what an amendment changes
    std::int64_t subject = 0;
    std::int64_t price_no = 0;
    std::shared_ptr<const metering::Price> price;
    std::int64_t prompt_estimate = 0;
    std::int64_t output_max = 0;
    std::int64_t reserved = 0;
    std::int64_t characters = 0;
    metering::Counts counts;  // of the last checkpoint
    bool dirty = false;       // they are newer than the row on disk
  };
  struct OpenInfo {
    std::int64_t no = 0;  // of its open_row
    std::int64_t tenant = 0;
    Terms terms;
    WallTime opened_at{};
    Instant begun;  // when we learned of it
    std::shared_ptr<store::DurableTokens> durable;
    std::unique_ptr<IdemInfo> idem;
  };
  // A record of the running transaction and the row that it is about.
  struct OpeningRow {
    const Opening* opening;
    const OpenInfo* info;
  };
  struct ClosingRow {
    const Closing* closing;
    const OpenInfo* info;
  };
  static constexpr std::chrono::milliseconds kRetry{250};
  // Records that make a commit a large one: the next one shares its cost among as many.
  static constexpr std::size_t kLarge = 64;

  Result<void> recover();
  void correct_left_open();
  Result<void> settle_left_open(WallTime booked_at);
  Result<void> restore_claims();
  Result<void> prepare();

  std::chrono::microseconds distance() const;
  Pause take(Instant now);
  void take_all(Mailbox& mailbox);
  void commit(Instant now);
  Result<void> write_batch(Instant now);
  bool write_without_doubles(Instant now);
  void undo();
  Result<void> write_openings(Instant now);
  Result<Terms> terms_of(const metering::Intent& intent, std::int64_t subject);
  Result<void> amend(const Opening& amendment);
  Result<const OpenInfo*> note_opening(const Opening& opening, Instant now);
  Result<void> write_closings(Instant now);
  Result<void> find_closing_rows();
  Result<void> book(WallTime booked_at, Instant now);
  BookRow book_row(const ClosingRow& closing, WallTime booked_at, Instant now) const;
  Result<void> open_idem(const metering::Intent& intent, OpenInfo& info);
  Result<void> close_idem(const BookRow& row, std::int64_t idem);
  Result<void> delete_open_rows();
  Result<void> write_progress(Instant now);
  void note_progress();
  void tell_claims();
  void committed(std::size_t records);
  void failed(Trouble trouble);
  void become(State state, Refusal refusing);
  // Intents, or with them amendments of rows that are open.
  void refuse_intents(Refusal why);
  void refuse_openings(Refusal why);
  void attempt_done();
  void refuse_all(Refusal why);
  void tell(std::vector<std::shared_ptr<Ticket>>& tickets);
  std::vector<std::shared_ptr<Ticket>> take_openings();
  void drop_closings();
  Pause run_full(Instant now);
  bool find_room(Instant now);
  bool hold_reserve(std::int64_t more);
  void end_loan();
  bool give_up_reserve();
  void copy_log_back(bool quiet);
  Pause tidy(Pause pause);
  bool has_work() const { return batch_.size() > 0 || !dirty_.empty(); }

  Disk& disk_;
  Database database_;
  const std::string reserve_;
  const Clock& clock_;
  const LedgerOptions options_;
  SharedMailbox mailbox_;
  SharedClaims claims_;
  const metering::EnergyMeter& energy_;
  State state_ = State::healthy;
  std::int64_t boot_ = 0;

  Statement begin_;
  Statement commit_;
  RowInsert insert_open_;
  Statement update_open_;
  Statement amend_open_;
  Statement delete_open_;  // a range
  Statement insert_idem_;
  Statement finish_idem_;
  Statement free_idem_;
  LedgerNames names_;
  LedgerBooks books_;
  LedgerRetention retention_;

  Batch batch_;  // taken and not yet durable; closings stay in it while the disk is full
  std::unordered_map<RequestId, OpenInfo> open_;
  std::vector<RequestId> opened_;  // by the running transaction
  // By the running transaction, with what was before, in order.
  std::vector<std::pair<RequestId, Terms>> amended_;
  std::vector<OpeningRow> opening_rows_;  // scratch
  std::vector<ClosingRow> closing_rows_;  // scratch
  std::vector<BookRow> book_rows_;        // scratch, beside closing_rows_
  std::int64_t last_no_ = 0;
  std::vector<RequestId> dirty_;
  std::int64_t last_idem_ = 0;
  std::uint64_t unknown_ = 0;  // closings of the running transaction that are not for an open row
  Instant last_commit_;
  // While the disk is full: no commit before the first, no look for room before the second.
  Instant retry_at_;
  Instant look_at_;
  std::size_t last_records_ = 0;  // of the last commit
  int log_floor_ = 0;             // pages that were in the log when it was last copied back in part

  std::atomic<std::uint64_t> commits_{0};
  std::atomic<std::uint64_t> records_{0};
  std::atomic<std::uint64_t> failures_{0};
  std::atomic<std::uint64_t> recovered_{0};
  std::atomic<std::uint64_t> sync_nanoseconds_{0};
  std::atomic<std::int64_t> reserve_left_{0};
};

}  // namespace sovmesh::store_sqlite
