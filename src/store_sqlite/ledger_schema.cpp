#include "store_sqlite/ledger_schema.h"

#include <array>

namespace sovmesh::store_sqlite {
namespace {

// Why it looks like this:
//   - A request costs one row of about 100 bytes: what repeats (tenant, project, key, model...) is
//     stored once, as a subject.
//   - open_row holds what is in flight: small, always in memory, and after a crash exactly the rows
//     to recover. Settling moves a row to `usage`, which is only ever inserted into.
//   - usage is stored in the order in which reports read it, by tenant and time.
//   - Two terminal records of one request are impossible by usage_rid.
// Ids are the 16 bytes of ULIDs, times microseconds since 1970 (UTC), enumerations the numbers of
// metering/usage.h, which never change their meaning.
constexpr const char* kVersion1 = R"sql(
CREATE TABLE boot (
  no         INTEGER PRIMARY KEY,
  started_at INTEGER NOT NULL
) STRICT;

CREATE TABLE tenant (
  no INTEGER PRIMARY KEY,
  id BLOB NOT NULL UNIQUE
) STRICT;

CREATE TABLE subject (
  no        INTEGER PRIMARY KEY,
  tenant    INTEGER NOT NULL REFERENCES tenant (no),
  project   BLOB NOT NULL,
  key       TEXT NOT NULL,
  model     TEXT NOT NULL,
  engine    TEXT NOT NULL,
  operation INTEGER NOT NULL,
  streamed  INTEGER NOT NULL,
  UNIQUE (tenant, project, key, model, engine, operation, streamed)
) STRICT;

CREATE TABLE open_row (
  rid             BLOB NOT NULL PRIMARY KEY,
  tenant          INTEGER NOT NULL,
  subject         INTEGER NOT NULL,
  boot            INTEGER NOT NULL,
  opened_at       INTEGER NOT NULL,
  prompt_estimate INTEGER NOT NULL,
  output_max      INTEGER NOT NULL,
  -- the last checkpoint
  prompt          INTEGER NOT NULL DEFAULT 0,
  cached          INTEGER NOT NULL DEFAULT 0,
  generated       INTEGER NOT NULL DEFAULT 0,
  reasoning       INTEGER NOT NULL DEFAULT 0,
  delivered       INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE TABLE usage (
  tenant          INTEGER NOT NULL,
  opened_at       INTEGER NOT NULL,
  rid             BLOB NOT NULL,
  subject         INTEGER NOT NULL,
  boot            INTEGER NOT NULL,
  prompt_estimate INTEGER NOT NULL,
  output_max      INTEGER NOT NULL,
  terminal        INTEGER NOT NULL,  -- 1 settled, 2 void
  prompt          INTEGER NOT NULL,
  cached          INTEGER NOT NULL,
  generated       INTEGER NOT NULL,
  reasoning       INTEGER NOT NULL,
  delivered       INTEGER NOT NULL,
  source          INTEGER NOT NULL,
  finish          INTEGER NOT NULL,
  drift           INTEGER NOT NULL,
  settled_at      INTEGER NOT NULL,
  PRIMARY KEY (tenant, opened_at, rid)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX usage_rid ON usage (rid);
)sql";

// open_row is found by a number that only grows: rows are added at its end, and the writer knows
// the number of each row in flight. Looking rows up by request id took a good part of the writer's
// time.
constexpr const char* kVersion2 = R"sql(
CREATE TABLE open_row_2 (
  no              INTEGER PRIMARY KEY,
  rid             BLOB NOT NULL,
  tenant          INTEGER NOT NULL,
  subject         INTEGER NOT NULL,
  boot            INTEGER NOT NULL,
  opened_at       INTEGER NOT NULL,
  prompt_estimate INTEGER NOT NULL,
  output_max      INTEGER NOT NULL,
  -- the last checkpoint
  prompt          INTEGER NOT NULL DEFAULT 0,
  cached          INTEGER NOT NULL DEFAULT 0,
  generated       INTEGER NOT NULL DEFAULT 0,
  reasoning       INTEGER NOT NULL DEFAULT 0,
  delivered       INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO open_row_2 (rid, tenant, subject, boot, opened_at, prompt_estimate, output_max, prompt,
                        cached, generated, reasoning, delivered)
  SELECT rid, tenant, subject, boot, opened_at, prompt_estimate, output_max, prompt, cached,
         generated, reasoning, delivered FROM open_row;
DROP TABLE open_row;
ALTER TABLE open_row_2 RENAME TO open_row;
)sql";

constexpr std::array kSteps = {kVersion1, kVersion2};
constexpr Schema kSchema{"ledger", 0x534d4c31, kSteps};

}  // namespace

const Schema& ledger_schema() { return kSchema; }

}  // namespace sovmesh::store_sqlite
