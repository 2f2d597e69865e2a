#include "store_sqlite/row_insert.h"

#include <string>

namespace sovmesh::store_sqlite {
namespace {

// "INTO VALUES (?,?),(?,?)"
std::string with_places(std::string_view into, std::size_t columns, std::size_t rows,
                        std::string_view after) {
  std::string row = "(";
  for (std::size_t i = 0; i < columns; ++i)
    row += i == 0 ? "?" : ",?";
  row += ')';
  std::string sql(into);
  sql += " VALUES ";
  for (std::size_t i = 0; i < rows; ++i)
    sql.append(i == 0 ? "" : ",").append(row);
  sql += after;
  return sql;
}

}  // namespace

Result<void> RowInsert::prepare(const Database& database, std::string_view into,
                                std::size_t columns, std::string_view after) {
  database_ = &database;
  columns_ = columns;
  TRY(single_, database.prepare(with_places(into, columns, 1, after)));
  TRY(group_, database.prepare(with_places(into, columns, kGroup, after)));
  return {};
}

void RowInsert::begin(std::size_t rows) {
  left_ = rows;
  bound_ = 0;
  inserted_ = 0;
}

Result<void> RowInsert::run(Statement& statement) {
  TRY_VOID(statement.run());
  inserted_ += static_cast<std::size_t>(database_->changed_rows());
  return {};
}

}  // namespace sovmesh::store_sqlite
