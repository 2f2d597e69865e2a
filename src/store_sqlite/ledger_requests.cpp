#include "store_sqlite/ledger_requests.h"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/append.h"
#include "store_sqlite/ledger_pieces.h"
#include "store_sqlite/ledger_rows.h"
#include "store_sqlite/ledger_schema.h"

namespace sovmesh::store_sqlite {
namespace {

using store::RequestCursor;
using store::RequestPage;
using store::RequestQuery;
using store::RequestStatus;

// A tenant's subjects are looked up together up to so many, else each as a row names it.
constexpr std::size_t kSubjectsMax = 2'000;
// Of so many the sums are asked where their rows are: a day has 96 quarters of an hour.
constexpr std::size_t kNarrowedMax = 16;
// To look into a sum, or at a subject, costs as much as so many rows.
constexpr std::int64_t kLookUp = 2;

// Which subjects (who with what) are wanted.
class Subjects {
 public:
  static Result<Subjects> of(Database& database, const RequestQuery& query) {
    Subjects out(query);
    if (query.tenant) TRY_VOID(out.read_tenants(database));
    if (out.is_complete_) return out;
    TRY(out.look_, database.prepare("SELECT 1 FROM subject JOIN tenant ON tenant.no = "
                                    "subject.tenant WHERE subject.no = ?5"
                                    " AND (?1 IS NULL OR tenant.id = ?1)"
                                    " AND (?2 IS NULL OR subject.project = ?2)"
                                    " AND (?3 IS NULL OR subject.key = ?3)"
                                    " AND (?4 IS NULL OR subject.model = ?4)"));
    out.takes_all_ = !query.tenant && !query.project && !query.key && !query.model;
    return out;
  }

  bool none() const { return is_complete_ && numbers_.empty(); }
  // Few enough to look for each.
  bool are_few() const { return is_complete_ && numbers_.size() <= kNarrowedMax; }
  const std::vector<std::int64_t>& numbers() const { return numbers_; }

  Result<bool> wants(std::int64_t subject, std::int64_t& looks) {
    if (takes_all_) return true;
    const auto known = known_.find(subject);
    if (known != known_.end()) return known->second;
    if (is_complete_) return false;
    looks += kLookUp;
    look_.bind_all(query_.tenant, query_.project, query_.key, query_.model, subject);
    TRY(const bool is_wanted, look_.step());
    look_.reset();
    known_.emplace(subject, is_wanted);
    return is_wanted;
  }

 private:
  explicit Subjects(const RequestQuery& query) : query_(query) {}

  Result<void> read_tenants(Database& database) {
    TRY(Statement row,
        database.prepare("SELECT no FROM subject WHERE tenant = (SELECT no FROM tenant WHERE id ="
                         " ?1) AND (?2 IS NULL OR project = ?2) AND (?3 IS NULL OR key = ?3)"
                         " AND (?4 IS NULL OR model = ?4) LIMIT ?5"));
    row.bind_all(query_.tenant, query_.project, query_.key, query_.model, kSubjectsMax + 1);
    for (;;) {
      TRY(const bool there, row.step());
      if (!there) break;
      numbers_.push_back(row.integer(0));
    }
    is_complete_ = numbers_.size() <= kSubjectsMax;
    if (!is_complete_) numbers_.clear();
    for (const std::int64_t number : numbers_)
      known_.emplace(number, true);
    return {};
  }

  const RequestQuery& query_;
  Statement look_;
  bool takes_all_ = false;
  bool is_complete_ = false;  // `numbers_` are all that there are
  std::vector<std::int64_t> numbers_;
  std::unordered_map<std::int64_t, bool> known_;
};

class RequestList {
 public:
  RequestList(Database& database, const RequestQuery& query, Subjects subjects)
      : database_(database), query_(query), subjects_(std::move(subjects)) {}

  Result<RequestPage> read() && {
    if (subjects_.none() || query_.limit == 0) return std::move(page_);
    const bool begins = !query_.after || query_.after->is_open;
    const bool wants_open = !query_.status || query_.status == RequestStatus::open;
    if (begins && wants_open) TRY_VOID(read_open());
    if (!is_over_ && query_.status != RequestStatus::open) TRY_VOID(read_ended());
    return std::move(page_);
  }

 private:
  // Rows `first` to `last` of a day's table.
  struct Range {
    std::int64_t first = 0;
    std::int64_t last = 0;
    bool is_empty() const { return first > last; }
    Range within(const Range& other) const {
      return {std::max(first, other.first), std::min(last, other.last)};
    }
  };

  bool is_full() const { return page_.rows.size() >= query_.limit; }
  bool is_spent() const { return looks_ >= kRequestLooksMax; }
  // The page ends here, and the next one goes on.
  void end_at(const RequestCursor& cursor, std::optional<WallTime> searched_until) {
    page_.next = cursor;
    page_.searched_until = searched_until;
    is_over_ = true;
  }

  Result<void> read_open() {
    const std::int64_t before =
        query_.after ? query_.after->at : std::numeric_limits<std::int64_t>::max();
    TRY(Statement row, database_.prepare("SELECT no, subject, opened_at FROM open_row WHERE no < ?"
                                         " ORDER BY no DESC"));
    std::string sql(kOpenRowColumns);
    append_all(sql, " FROM open_row", std::string_view(kRowJoin), " row.no = ?1");
    TRY(Statement whole, database_.prepare(sql));
    row.bind_all(before);
    for (;;) {
      TRY(const bool there, row.step());
      if (!there) return {};
      ++looks_;
      const std::int64_t no = row.integer(0);
      const WallTime at = row.time(2);
      TRY(const bool is_wanted, subjects_.wants(row.integer(1), looks_));
      const bool fits =
          (!query_.from || at >= *query_.from) && (!query_.until || at < *query_.until);
      if (is_wanted && fits) TRY_VOID(take(whole, no));
      if (!is_full() && !is_spent()) continue;
      end_at({.is_open = true, .at = no}, std::nullopt);
      return {};
    }
  }

  Result<void> read_ended() {
    TRY_VOID(prepare_sums());
    TRY(const std::vector<std::int64_t> days, days_with_rows(database_));
    for (const std::int64_t day : days) {
      if (is_over_) return {};
      if (query_.after && !query_.after->is_open && day > query_.after->day) continue;
      if (query_.until && begin_of_day(day) >= *query_.until) continue;
      if (query_.from && begin_of_day(day + 1) <= *query_.from) return {};
      TRY_VOID(read_day(day));
      if (!is_over_ && is_spent()) end_at({.day = day, .at = 0}, begin_of_day(day));
    }
    return {};
  }

  // Of a day's table only what the sums do not rule out is read.
  Result<void> read_day(std::int64_t day) {
    Range range{1, std::numeric_limits<std::int64_t>::max()};
    if (query_.after && !query_.after->is_open && query_.after->day == day)
      range.last = query_.after->at - 1;
    if (query_.until && *query_.until < begin_of_day(day + 1)) {
      TRY(const std::int64_t end, first_seq_at(database_, day, *query_.until));
      range.last = std::min(range.last, end - 1);
    }
    if (range.is_empty()) return {};
    day_ = day;
    rows_.reset();
    if (subjects_.are_few()) return narrow(kSpans.size() - 1, begin_of_day(day), range);
    return scan(range);
  }

  Result<void> prepare_sums() {
    if (!subjects_.are_few()) return {};
    for (std::size_t level = 0; level < kSpans.size(); ++level) {
      std::string sql;
      append_all(sql, "SELECT min(first_seq), max(last_seq) FROM ", kSpans[level].table,
                 " WHERE at = ?1 AND subject = ?2");
      TRY(sums_[level], database_.prepare(sql));
      TRY(const std::int64_t kept_from, read_mark(database_, kSpans[level].table));
      kept_from_[level] = WallTime(std::chrono::microseconds(kept_from));
    }
    return {};
  }

  // The rows of the sum that begins there, newest first: day, quarter, minute, single rows, as long
  // as looking into smaller sums costs less than reading the rows.
  Result<void> narrow(std::size_t level, WallTime begin, const Range& bounds) {
    if (query_.from && begin + kSpans[level].length <= *query_.from) return {};
    TRY(const std::optional<Range> found, range_of(level, begin));
    if (!found) return {};
    const Range range = found->within(bounds);
    if (range.is_empty()) return {};
    if (level == 0 || begin < kept_from_[level - 1]) return scan(range);
    const auto parts = kSpans[level].length / kSpans[level - 1].length;
    const auto look_ups = parts * static_cast<std::int64_t>(subjects_.numbers().size());
    if (range.last - range.first < look_ups * kLookUp) return scan(range);
    for (auto part = parts - 1; part >= 0 && !is_over_; --part)
      TRY_VOID(narrow(level - 1, begin + part * kSpans[level - 1].length, range));
    return {};
  }

  Result<std::optional<Range>> range_of(std::size_t level, WallTime begin) {
    std::optional<Range> range;
    Statement& sum = sums_[level];
    for (const std::int64_t subject : subjects_.numbers()) {
      looks_ += kLookUp;
      sum.bind_all(begin, subject);
      TRY(const bool there, sum.step());
      if (there && !sum.is_null(0)) {
        const Range one{sum.integer(0), sum.integer(1)};
        if (!range) range = one;
        range = Range{std::min(range->first, one.first), std::max(range->last, one.last)};
      }
      sum.reset();
    }
    return range;
  }

  struct Rows {
    Statement places;
    Statement whole;
  };

  Result<void> prepare_rows() {
    const std::string table = partition_name(day_);
    Rows rows;
    TRY(rows.places, database_.prepare("SELECT seq, subject, finish, booked_at FROM " + table +
                                       " WHERE seq BETWEEN ? AND ? AND terminal = 1"
                                       " ORDER BY seq DESC"));
    std::string sql(kClosedRowColumns);
    append_all(sql, " FROM ", table, std::string_view(kRowJoin), " row.seq = ?1");
    TRY(rows.whole, database_.prepare(sql));
    rows_ = std::move(rows);
    return {};
  }

  Result<void> scan(const Range& range) {
    if (!rows_) TRY_VOID(prepare_rows());
    Statement& row = rows_->places;
    row.reset();
    row.bind_all(range.first, range.last);
    for (;;) {
      TRY(const bool there, row.step());
      if (!there) break;
      ++looks_;
      const std::int64_t seq = row.integer(0);
      const WallTime booked_at = row.time(3);
      if (query_.from && booked_at < *query_.from) {
        is_over_ = true;
        break;
      }
      TRY(const bool is_wanted, subjects_.wants(row.integer(1), looks_));
      if (is_wanted && fits(row.integer(2))) TRY_VOID(take(rows_->whole, seq));
      if (!is_full() && !is_spent()) continue;
      end_at({.day = day_, .at = seq}, booked_at);
      break;
    }
    row.reset();
    return {};
  }

  bool fits(std::int64_t finish) const {
    return !query_.status ||
           store::status_of(static_cast<metering::Finish>(finish)) == *query_.status;
  }

  Result<void> take(Statement& row, std::int64_t number) {
    row.bind_all(number);
    TRY(const bool there, row.step());
    if (!there) return our_error(Code::data_dir_invalid, "ledger.db has a row without a subject");
    TRY(store::UsageRow one, read_row(row));
    page_.rows.push_back(std::move(one));
    row.reset();
    return {};
  }

  Database& database_;
  const RequestQuery& query_;
  Subjects subjects_;
  RequestPage page_;
  std::int64_t looks_ = 0;
  bool is_over_ = false;
  std::array<Statement, kSpans.size()> sums_;
  std::array<WallTime, kSpans.size()> kept_from_{};
  std::int64_t day_ = 0;
  std::optional<Rows> rows_;  // of that day
};

}  // namespace

Result<RequestPage> list_requests(Database& database, const RequestQuery& query) {
  TRY(const ReadSnapshot snapshot, ReadSnapshot::take(database));
  TRY(Subjects subjects, Subjects::of(database, query));
  return RequestList(database, query, std::move(subjects)).read();
}

}  // namespace sovmesh::store_sqlite
