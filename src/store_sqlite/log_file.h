#pragma once

struct sqlite3_vfs;

namespace sovmesh::store_sqlite {

// SQLite writes a frame of the write-ahead log in two calls, its head and its page. This makes
// `vfs`, a copy of `real` under another name, write them in one. Nothing sees a difference: a head
// waits for the call behind it only, whichever that is. `real` must stay.
void join_frames(sqlite3_vfs& vfs, sqlite3_vfs& real);

}  // namespace sovmesh::store_sqlite
