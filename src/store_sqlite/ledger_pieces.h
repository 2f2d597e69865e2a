#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "store_sqlite/database.h"

namespace sovmesh::store_sqlite {

// A period of the books as SQL: a table of sums that has each settled row of the period exactly
// once, in the largest kept sums that fit, and by single rows at its ends.
//
//   from         days           until        columns: subject, price, kSums..., energy_method,
//   |..-|--|=====|=====|=====|--|-.|                  first_seq, last_seq, at
//    rows minutes, quarters
struct Pieces {
  std::string sql;                   // "SELECT ... UNION ALL SELECT ..."; empty: nothing there
  std::vector<std::int64_t> values;  // for ?first, ?first+1...
  void bind(Statement& statement, int first) const;
};

// The end of time in the books: the start of a day.
WallTime books_end();

// `first` is the number of the first parameter; no kept sum is of more than `longest`.
// Code::invalid_value when the period begins or ends within something that retention has left only
// as a whole.
Result<Pieces> cut_period(Database& database, WallTime from, WallTime until, int first,
                          std::chrono::microseconds longest = std::chrono::days(1));

// The first row of a day's table that was booked at `time` or later; one behind the last row when
// there is none.
Result<std::int64_t> first_seq_at(Database& database, std::int64_t day, WallTime time);
// Days that have a table, newest first.
Result<std::vector<std::int64_t>> days_with_rows(Database& database);

}  // namespace sovmesh::store_sqlite
