#pragma once

struct sqlite3_vfs;

namespace sovmesh::store_sqlite {

// SQLite writes a commit to the write-ahead log in two calls for each page, its head and the page.
// This makes `vfs`, a copy of `real` under another name, write all that follows each other in one,
// before the next call of any other kind. Nothing sees a difference: a commit ends with a sync
// (synchronous=FULL), and nobody looks for its pages before. `real` must stay.
void join_frames(sqlite3_vfs& vfs, sqlite3_vfs& real);

}  // namespace sovmesh::store_sqlite
