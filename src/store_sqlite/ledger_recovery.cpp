#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "store_sqlite/ledger_schema.h"
#include "store_sqlite/ledger_untold.h"
#include "store_sqlite/ledger_writer.h"

// What a boot before has left: rows that are open, and Idempotency-Keys.
namespace sovmesh::store_sqlite {

using metering::Finish;
using metering::Source;
using std::chrono::microseconds;

// Rows that are open now belong to an earlier boot: they are settled with what they came to, where
// that is known, else with what their last checkpoint says.
Result<void> LedgerWriter::recover() {
  names_.use(database_);
  TRY_VOID(books_.prepare(database_));
  TRY(finish_idem_, database_.prepare("UPDATE idem SET state = 2, prompt = ?2, cached = ?3,"
                                      " generated = ?4, reasoning = ?5, delivered = ?6,"
                                      " source = ?7, finish = ?8 WHERE no = ?1"));
  TRY(free_idem_, database_.prepare("DELETE FROM idem WHERE no = ?"));
  const WallTime now = clock_.wall_now();
  TRY(Transaction transaction, Transaction::begin(database_));
  TRY_VOID(database_.run("INSERT INTO boot (started_at) VALUES (?)", now));
  TRY(boot_, database_.number("SELECT max(no) FROM boot"));
  TRY_VOID(settle_left_open(books_.book_time(now)));
  TRY_VOID(transaction.commit());
  books_.committed();
  recovered_ = book_rows_.size();
  return restore_claims();
}

Result<void> LedgerWriter::settle_left_open(WallTime booked_at) {
  TRY(Statement row,
      database_.prepare("SELECT rid, subject, price, boot, opened_at, prompt_estimate, output_max,"
                        " reserved, characters, idem, prompt, cached, generated, reasoning,"
                        " delivered, open_us FROM open_row ORDER BY no"));
  std::vector<std::int64_t> idems;
  book_rows_.clear();
  for (;;) {
    TRY(const bool there, row.step());
    if (!there) break;
    BookRow end{.request = {row.ulid(0)},
                .subject = row.integer(1),
                .price = row.integer(2),
                .boot = row.integer(3),
                .opened_at = row.time(4),
                .took = booked_at - row.time(4),
                .open_for = microseconds(row.integer(15)),
                .prompt_estimate = row.integer(5),
                .output_max = row.integer(6),
                .reserved = row.integer(7),
                .characters = row.integer(8),
                .counts = {.prompt = row.integer(10),
                           .cached = row.integer(11),
                           .generated = row.integer(12),
                           .reasoning = row.integer(13),
                           .delivered = row.integer(14),
                           .source = Source::recovered},
                .finish = Finish::recovered};
    // A request that has its terminal record already keeps it: the first one stands.
    TRY(const bool doubled, books_.holds(end.request));
    if (doubled) continue;
    book_rows_.push_back(end);
    idems.push_back(row.integer(9));
  }
  row = {};
  correct_left_open();
  for (BookRow& end : book_rows_) {
    TRY(const auto price, names_.price(end.price));
    charge_row(end, price.get(), energy_);
  }
  const std::int64_t last = books_.last_seq();
  TRY_VOID(note_untold(database_, last, last + static_cast<std::int64_t>(book_rows_.size())));
  TRY_VOID(books_.write(book_rows_, booked_at));
  for (std::size_t i = 0; i < book_rows_.size(); ++i)
    TRY_VOID(close_idem(book_rows_[i], idems[i]));
  return database_.execute("DELETE FROM open_row");
}

// A request that ended while the ledger could not write is charged what it was told then: perhaps
// nothing, though a checkpoint said more.
void LedgerWriter::correct_left_open() {
  if (!options_.ended || book_rows_.empty()) return;
  std::vector<RequestId> requests;
  for (const BookRow& row : book_rows_)
    requests.push_back(row.request);
  const std::map<RequestId, metering::Counts> ended = options_.ended(requests);
  for (BookRow& row : book_rows_) {
    const auto found = ended.find(row.request);
    if (found == ended.end()) continue;
    const metering::Counts before = row.counts;
    row.counts = found->second;
    row.counts.reasoning = std::min(before.reasoning, row.counts.generated);
    row.counts.delivered = std::min(before.delivered, row.counts.generated);
    row.counts.source = Source::recovered;
  }
}

Result<void> LedgerWriter::restore_claims() {
  TRY(last_idem_, database_.number("SELECT max(no) FROM idem"));
  TRY(Statement row,
      database_.prepare("SELECT tenant, key, body, rid, at, prompt, cached, generated, reasoning,"
                        " delivered, source, finish FROM idem WHERE state = 2 AND at > ?"));
  row.bind_all(clock_.wall_now() - Claims::kKeep);
  const auto digest = [&](int column) {
    Digest out{};
    const Blob bytes = row.blob(column);
    if (bytes.size() == out.size()) std::ranges::copy(bytes, out.begin());
    return out;
  };
  for (;;) {
    TRY(const bool there, row.step());
    if (!there) return {};
    metering::Settlement end{.counts = {.prompt = row.integer(5),
                                        .cached = row.integer(6),
                                        .generated = row.integer(7),
                                        .reasoning = row.integer(8),
                                        .delivered = row.integer(9)}};
    const std::int64_t source = row.integer(10);
    const std::int64_t finish = row.integer(11);
    if (source >= 0 && source <= static_cast<int>(Source::recovered))
      end.counts.source = static_cast<Source>(source);
    if (finish >= 0 && finish <= static_cast<int>(Finish::drained))
      end.finish = static_cast<Finish>(finish);
    claims_->with([&](Claims& claims) {
      claims.restore({row.ulid(0)}, {.key = digest(1), .body = digest(2)}, {row.ulid(3)},
                     row.time(4), end);
    });
  }
}

}  // namespace sovmesh::store_sqlite
