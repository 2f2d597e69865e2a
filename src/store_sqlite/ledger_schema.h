#pragma once

#include "store_sqlite/migrations.h"

namespace sovmesh::store_sqlite {

// The tables of ledger.db. docs/data-folder.md shows them to operators.
const Schema& ledger_schema();

// What a closed row ended with.
enum class Terminal : int { settled = 1, voided = 2 };

}  // namespace sovmesh::store_sqlite
