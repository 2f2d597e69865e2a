#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "store_sqlite/database.h"

namespace sovmesh::store_sqlite {

// Inserts many rows into one table, as many as it can with one statement: the fixed cost of a
// statement is a third of a row's.
class RowInsert {
 public:
  static constexpr std::size_t kGroup = 8;  // rows of one statement; more gain nothing

  // `into`: "INSERT INTO table (...)", without VALUES; `after`: what follows the rows.
  Result<void> prepare(const Database& database, std::string_view into, std::size_t columns,
                       std::string_view after = {});

  // Exactly `rows` calls of add() follow, unless one fails.
  void begin(std::size_t rows);
  // Bytes and texts among the values must stay where they are until the last add().
  template <class... Values>
  Result<void> add(const Values&... values) {
    if (bound_ == 0) uses_group_ = left_ >= kGroup;
    --left_;
    Statement& statement = uses_group_ ? group_ : single_;
    statement.bind_from(static_cast<int>(bound_ * columns_) + 1, values...);
    if (uses_group_ && ++bound_ < kGroup) return {};
    bound_ = 0;
    return run(statement);
  }
  // Rows that are in the table now: fewer than were added when the statement ignores conflicts.
  std::size_t inserted() const { return inserted_; }

 private:
  Result<void> run(Statement& statement);

  const Database* database_ = nullptr;
  Statement single_;
  Statement group_;
  std::size_t columns_ = 0;
  std::size_t left_ = 0;
  std::size_t bound_ = 0;  // rows bound to group_ and not yet inserted
  std::size_t inserted_ = 0;
  bool uses_group_ = false;
};

}  // namespace sovmesh::store_sqlite
