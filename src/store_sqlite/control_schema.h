#pragma once

#include "store_sqlite/migrations.h"

namespace sovmesh::store_sqlite {

// The tables of control.db. docs/data-folder.md shows them to operators.
const Schema& control_schema();

}  // namespace sovmesh::store_sqlite
